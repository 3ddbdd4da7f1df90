/** `matrix.verify.recoveryKey`: in with the recovery key. */
import type { RecoveryRefusal } from "../native/encryption.ts";
import { MatrixError } from "../native/errors.ts";
import { type EncryptionReport, encryptionReport } from "./encryption-report.ts";
import { operation } from "./operation.ts";
import { type Outcome, recoveryKeyParam } from "./outcome.ts";

/** Three states, each of its own; success is the last of them. */
export interface DeviceReport extends Outcome, EncryptionReport {
  recoveryKeyAccepted: boolean;
  backupUsable: boolean;
  deviceOwnerVerified: boolean;
  verifiedAt?: string;
  /** What is missing, most important first. */
  refusals: RecoveryRefusal[];
}

export const verifyDeviceOperation = operation({
  method: "matrix.verify.recoveryKey",
  read: (params) => {
    const key = recoveryKeyParam(params, "key");
    if (key === undefined) throw new MatrixError("config_invalid", "The parameter `key` is missing; it is the recovery key.");
    return { key };
  },
  run: async (account, { key }): Promise<DeviceReport> => {
    const done = await account.recover(key);
    const report = encryptionReport(await account.encryptionStatus());
    return {
      success: done.deviceOwnerVerified,
      recoveryKeyAccepted: done.recoveryKeyAccepted,
      backupUsable: done.backupUsable,
      deviceOwnerVerified: done.deviceOwnerVerified,
      ...(done.deviceOwnerVerified ? { verifiedAt: new Date().toISOString() } : {}),
      ...(done.error === undefined ? {} : { error: done.error }),
      refusals: done.refusals,
      ...report,
    };
  },
});
