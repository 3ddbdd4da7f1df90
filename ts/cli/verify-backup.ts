/** `openclaw matrix verify backup …`. */
import { backupResetOperation, backupRestoreOperation, backupStatusOperation } from "../operations/verify-backup.ts";
import { accountCommand } from "./account-command.ts";
import { backupDetails, backupIssueLines, backupLine } from "./backup-lines.ts";
import { givenRecoveryKey, newRecoveryKeyLines, type RecoveryKeyOptions } from "./recovery-key.ts";
import type { CommandOptions } from "./run.ts";

/** A large backup takes minutes to come down, or to go up again. */
const RESTORE_MS = 600_000;
const RESET_MS = 180_000;

export const verifyBackupStatus = accountCommand({
  operation: backupStatusOperation,
  params: () => ({}),
  lines: (backup, options: CommandOptions) => [
    `Key backup: ${backupLine(backup)}`,
    ...(options.verbose ? backupDetails(backup) : []),
    ...backupIssueLines(backup),
  ],
});

export const verifyBackupRestore = accountCommand({
  operation: backupRestoreOperation,
  params: async (options: RecoveryKeyOptions) => ({ recoveryKey: await givenRecoveryKey(options) }),
  timeoutMs: () => RESTORE_MS,
  lines: (done, options) => [
    ...(done.success
      ? [`Restored: ${done.imported} of ${done.total} room keys in backup version ${done.backupVersion ?? "?"} are here now.`]
      : [`Not restored: ${done.error ?? "unknown"}`]),
    ...(done.success && done.imported < done.total ? ["Some keys of the backup cannot be read with its key; another client put them in wrongly."] : []),
    ...(options.verbose ? backupDetails(done.backup) : []),
    ...(done.success ? backupIssueLines(done.backup) : []),
  ],
  exitCode: (done) => (done.success ? 0 : 1),
});

export interface ResetOptions extends CommandOptions {
  yes?: boolean;
  rotateRecoveryKey?: boolean;
}

export const verifyBackupReset = accountCommand({
  operation: backupResetOperation,
  params: (options: ResetOptions) => {
    if (!options.yes) {
      throw new Error("A new backup takes the present one off the homeserver: what only that one holds is lost. Add --yes if that is meant.");
    }
    return { rotateRecoveryKey: options.rotateRecoveryKey ?? false, showNewRecoveryKey: !options.json };
  },
  timeoutMs: () => RESET_MS,
  lines: (done, options) => [
    done.success ? `Begun anew: backup version ${done.createdVersion ?? "?"}.` : `Not begun anew: ${done.error ?? "unknown"}`,
    ...(done.success && done.previousVersion !== null
      ? [
          done.deletedVersion === null
            ? `The former version ${done.previousVersion} could not be taken off the homeserver; it is not used any more.`
            : `The former version ${done.previousVersion} is gone.`,
        ]
      : []),
    ...(options.verbose ? backupDetails(done.backup) : []),
    ...(done.success ? newRecoveryKeyLines(done.recoveryKey !== undefined, done.recoveryKey) : []),
  ],
  exitCode: (done) => (done.success ? 0 : 1),
});
