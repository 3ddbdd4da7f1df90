/** At a start the profile takes over what `name` and `avatarUrl` say; nothing is written that is so already (PRF-2). */
import type { ResolvedMatrixAccount } from "../config/accounts.ts";
import type { ChannelLogSink } from "../host/types.ts";
import type { Account } from "../native/account.ts";
import { pause } from "./backoff.ts";
import { troubleOf } from "./sentences.ts";

export interface ProfileInput {
  account: Account;
  resolved: ResolvedMatrixAccount;
  /** Where the account's keys stand. */
  path: string;
  log: ChannelLogSink;
  /** Pause before another try, in milliseconds. */
  delay: (attempt: number) => number;
  signal: AbortSignal;
}

export async function keepProfile({ account, resolved, path, log, delay, signal }: ProfileInput): Promise<void> {
  const { accountId, name } = resolved;
  const avatarUrl = resolved.config.avatarUrl?.trim() || undefined;
  if (name === undefined && avatarUrl === undefined) return;
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      const done = await account.setProfile({ displayName: name, avatarUrl, refresh: false });
      const updated = [done.displayNameUpdated && "name", done.avatarUpdated && "picture"].filter((one) => one !== false);
      if (updated.length > 0) log.info(`[${accountId}] the profile's ${updated.join(" and ")} changed, as ${path} says.`);
      return;
    } catch (error) {
      const trouble = troubleOf(error, { path, accountId });
      if (signal.aborted || trouble.code === "closed") return;
      if (!trouble.transient) return void log.warn(`[${accountId}] the profile is not as ${path} says: ${trouble.message}`);
      await pause(delay(attempt), signal);
    }
  }
}
