/** `matrix.verify.status`: cross-signing, backup and device at a glance. */
import { type EncryptionReport, encryptionReport } from "./encryption-report.ts";
import { flag, operation } from "./operation.ts";

export type StatusReport = EncryptionReport & { recoveryKey?: string };

export const verifyStatusOperation = operation({
  method: "matrix.verify.status",
  read: (params) => ({ includeRecoveryKey: flag(params, "includeRecoveryKey") }),
  run: async (account, { includeRecoveryKey }): Promise<StatusReport> => {
    const report = encryptionReport(await account.encryptionStatus());
    const recoveryKey = includeRecoveryKey ? await account.recoveryKey() : undefined;
    return recoveryKey === undefined ? report : { ...report, recoveryKey };
  },
});
