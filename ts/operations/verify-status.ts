/** `matrix.verify.status`: cross-signing, backup and device at a glance. */
import { type EncryptionReport, encryptionReport } from "./encryption-report.ts";
import { flag, operation } from "./operation.ts";

export const verifyStatusOperation = operation({
  method: "matrix.verify.status",
  read: (params) => ({ includeRecoveryKey: flag(params, "includeRecoveryKey") }),
  run: async (account): Promise<EncryptionReport & { recoveryKey?: string }> => encryptionReport(await account.encryptionStatus()),
});
