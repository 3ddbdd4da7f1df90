/**
 * Unattended verification: at every start of an account, a device that is not verified, or
 * does not have its backup's key, tries the configured recovery key (features.md 3.1,
 * `recoveryKey`), then the one that the account's folder keeps. So a device that took the
 * place of a lost one comes back without a person. What cannot be done is said in the log
 * and in `channels status`, with the way out.
 */
import type { ResolvedMatrixAccount } from "../config/accounts.ts";
import { secretState, unresolvedSecret } from "../config/secrets.ts";
import type { ChannelLogSink } from "../host/types.ts";
import type { Account } from "../native/account.ts";
import type { BackupIssue, Recovered } from "../native/encryption.ts";
import { pause } from "./backoff.ts";
import { sentence, troubleOf } from "./sentences.ts";

export interface RecoveryInput {
  account: Account;
  resolved: ResolvedMatrixAccount;
  /** Where the account's keys stand. */
  path: string;
  log: ChannelLogSink;
  /** Pause before another try, in milliseconds. */
  delay: (attempt: number) => number;
  signal: AbortSignal;
  /** Takes what is wrong, a whole sentence for the status; undefined when nothing is. */
  tell: (problem: string | undefined) => void;
}

/** What a recovery key can cure. */
const CURABLE: ReadonlySet<BackupIssue> = new Set<BackupIssue>(["key-load-failed", "key-not-loaded", "key-mismatch", "inactive"]);

const KEPT = "the recovery key that this account keeps";

export async function recoverUnattended(input: RecoveryInput): Promise<void> {
  const { resolved, path, log, signal, tell } = input;
  const { accountId } = resolved;
  if (!resolved.encryption) return;
  const configured = secretState(resolved.config.recoveryKey);
  const complain = (problem: string | undefined) => {
    if (problem !== undefined) log.warn(`[${accountId}] ${problem}`);
    tell(problem);
  };
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      return complain(await tryOnce(input, configured));
    } catch (error) {
      const trouble = troubleOf(error, { path, accountId });
      if (signal.aborted || trouble.code === "closed") return;
      // Without a key nothing was going to happen; what stops the account is said elsewhere.
      if (!trouble.transient) return configured.state === "missing" ? undefined : complain(failed(`${path}.recoveryKey`, trouble.message));
      log.debug?.(`[${accountId}] the recovery key could not be tried yet: ${trouble.message}`);
      await pause(input.delay(attempt), signal);
    }
  }
}

function failed(which: string, why: string): string {
  return `${which} could not do everything: ${sentence(why)}`;
}

/** What is wrong afterwards, if anything. */
async function tryOnce({ account, resolved, path, log }: RecoveryInput, configured: ReturnType<typeof secretState>): Promise<string | undefined> {
  const key = `${path}.recoveryKey`;
  const before = await account.encryptionStatus();
  let problem = configured.state === "unresolved" ? `${unresolvedSecret(key, configured.label)}.` : undefined;
  if (before.crossSigningVerified && !CURABLE.has(before.backup.issue)) return problem;
  const told = (done: Recovered, which: string): string | undefined => {
    if (done.deviceOwnerVerified) log.info(`[${resolved.accountId}] verified by ${which}; ${done.backupUsable ? "its backup is in use" : "its backup is not usable"}.`);
    return done.error === undefined ? undefined : failed(which, done.error);
  };
  if (configured.state === "available") {
    const done = await account.recover(configured.value);
    problem = told(done, key);
    if (done.recoveryKeyAccepted) return problem;
  }
  if (!before.recoveryKeyStored) return problem;
  // A configured key that does not open anything is still worth saying when the kept one does.
  const kept = told(await account.recover(), KEPT);
  return problem ?? kept;
}
