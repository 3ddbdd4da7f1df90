/**
 * Unattended verification (features.md 3.1, `recoveryKey`): at a start, an account whose
 * device is not verified, or does not have its backup's key, tries the configured recovery
 * key. What it cannot do is said in the log and in `channels status`, with the way out.
 */
import type { ResolvedMatrixAccount } from "../config/accounts.ts";
import { secretState, unresolvedSecret } from "../config/secrets.ts";
import type { ChannelLogSink } from "../host/types.ts";
import type { Account } from "../native/account.ts";
import type { BackupIssue } from "../native/encryption.ts";
import { pause } from "./backoff.ts";
import { troubleOf } from "./sentences.ts";

export interface RecoveryInput {
  account: Account;
  resolved: ResolvedMatrixAccount;
  /** Where the account's keys stand. */
  path: string;
  log: ChannelLogSink;
  /** Pause before another try, in milliseconds. */
  delay: (attempt: number) => number;
  signal: AbortSignal;
  /** Takes what is wrong, for the status; undefined when nothing is. */
  tell: (problem: string | undefined) => void;
}

/** What a recovery key can cure. */
const CURABLE: ReadonlySet<BackupIssue> = new Set<BackupIssue>(["key-load-failed", "key-not-loaded", "key-mismatch", "inactive"]);

export async function recoverUnattended(input: RecoveryInput): Promise<void> {
  const { resolved, path, log, signal, tell } = input;
  const { accountId } = resolved;
  const key = secretState(resolved.config.recoveryKey);
  if (key.state === "missing" || !resolved.encryption) return;
  const complain = (problem: string) => {
    log.warn(`[${accountId}] not verified by ${path}.recoveryKey: ${problem}`);
    tell(problem);
  };
  if (key.state === "unresolved") return complain(`${unresolvedSecret(`${path}.recoveryKey`, key.label)}.`);
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      const problem = await tryOnce(input, key.value);
      if (problem === undefined) tell(undefined);
      else complain(problem);
      return;
    } catch (error) {
      const trouble = troubleOf(error, { path, accountId });
      if (signal.aborted || trouble.code === "closed") return;
      if (!trouble.transient) return complain(trouble.message);
      log.debug?.(`[${accountId}] the recovery key could not be tried yet: ${trouble.message}`);
      await pause(input.delay(attempt), signal);
    }
  }
}

/** What is wrong afterwards, if anything. */
async function tryOnce({ account, resolved, log }: RecoveryInput, key: string): Promise<string | undefined> {
  const before = await account.encryptionStatus();
  if (before.crossSigningVerified && !CURABLE.has(before.backup.issue)) return undefined;
  const done = await account.recover(key);
  if (done.deviceOwnerVerified) {
    const backup = done.backupUsable ? "its backup is in use" : "its backup is not usable";
    log.info(`[${resolved.accountId}] verified by the configured recovery key; ${backup}.`);
  }
  return done.error;
}
