/** `matrix.verify.backup.…`: the room-key backup. */
import type { Account } from "../native/account.ts";
import { type BackupReport, backupReport } from "./encryption-report.ts";
import { flag, noParams, operation } from "./operation.ts";
import { failure, type Outcome, recoveryKeyParam } from "./outcome.ts";

export interface RestoreReport extends Outcome {
  backupVersion: string | null;
  /** Room keys of the backup that are here now. */
  imported: number;
  /** Room keys in the backup. */
  total: number;
  loadedFromSecretStorage: boolean;
  restoredAt?: string;
  backup: BackupReport;
}

export interface ResetReport extends Outcome {
  previousVersion: string | null;
  deletedVersion: string | null;
  createdVersion: string | null;
  resetAt?: string;
  backup: BackupReport;
  /** As in BootstrapReport. */
  recoveryKey?: string;
}

async function now(account: Account): Promise<BackupReport> {
  return backupReport((await account.encryptionStatus()).backup);
}

/** The backup after something failed; if even that cannot be told, what failed first is what is said. */
function nowAfter(error: unknown, account: Account): Promise<BackupReport> {
  return now(account).catch(() => {
    throw error;
  });
}

export const backupStatusOperation = operation({ method: "matrix.verify.backup.status", read: noParams, run: now });

export const backupRestoreOperation = operation({
  method: "matrix.verify.backup.restore",
  read: (params) => ({ recoveryKey: recoveryKeyParam(params, "recoveryKey") }),
  run: async (account, { recoveryKey }): Promise<RestoreReport> => {
    try {
      const { version, ...restored } = await account.restoreBackup(recoveryKey);
      return { success: true, backupVersion: version, ...restored, restoredAt: new Date().toISOString(), backup: await now(account) };
    } catch (error) {
      const backup = await nowAfter(error, account);
      return { ...failure(error), backupVersion: backup.serverVersion, imported: 0, total: 0, loadedFromSecretStorage: false, backup };
    }
  },
});

export const backupResetOperation = operation({
  method: "matrix.verify.backup.reset",
  read: (params) => ({ rotateRecoveryKey: flag(params, "rotateRecoveryKey"), showNewRecoveryKey: flag(params, "showNewRecoveryKey") }),
  run: async (account, { rotateRecoveryKey, showNewRecoveryKey }): Promise<ResetReport> => {
    try {
      const done = await account.resetBackup(rotateRecoveryKey);
      const recoveryKey = done.recoveryKeyCreated && showNewRecoveryKey ? await account.recoveryKey() : undefined;
      return {
        success: true,
        previousVersion: done.previousVersion ?? null,
        deletedVersion: done.deletedVersion ?? null,
        createdVersion: done.createdVersion,
        resetAt: new Date().toISOString(),
        backup: await now(account),
        ...(recoveryKey === undefined ? {} : { recoveryKey }),
      };
    } catch (error) {
      const backup = await nowAfter(error, account);
      return { ...failure(error), previousVersion: backup.serverVersion, deletedVersion: null, createdVersion: null, backup };
    }
  },
});
