/**
 * Who may verify with the bot (VER-8). To accept a request proves nothing yet: what both
 * sides show is compared by a person.
 */
import type { ResolvedMatrixAccount } from "../config/accounts.ts";
import { normalizeUserEntry } from "../config/user-entry.ts";
import type { Verification } from "../native/verification.ts";

export interface VerificationRules {
  account: ResolvedMatrixAccount;
  /** Where the account's keys stand. */
  path: string;
  /** `commands.ownerAllowFrom`. */
  owners: readonly (string | number)[];
  /** Users whose pairing request was approved. */
  paired: () => Promise<readonly string[]>;
  /** Until when anybody may. */
  armedUntil?: number;
  now: number;
}

export type VerificationVerdict =
  | { accept: true; why: "own-user" | "dm.allowFrom" | "commands.ownerAllowFrom" | "pairing" | "armed" }
  | { accept: false; hint: string };

/** Somebody by name: `*` admits everybody to talk, and nobody to verify. */
function names(entries: readonly (string | number)[] | undefined, userId: string): boolean {
  return (entries ?? []).some((entry) => normalizeUserEntry(String(entry)) === userId);
}

export async function judgeVerification({ isSelfVerification, otherUserId }: Verification, rules: VerificationRules): Promise<VerificationVerdict> {
  const { account, path } = rules;
  if (isSelfVerification) return { accept: true, why: "own-user" };
  if (names(account.config.dm?.allowFrom, otherUserId)) return { accept: true, why: "dm.allowFrom" };
  if (names(rules.owners, otherUserId)) return { accept: true, why: "commands.ownerAllowFrom" };
  if (rules.armedUntil !== undefined && rules.armedUntil > rules.now) return { accept: true, why: "armed" };
  if ((await rules.paired()).includes(otherUserId)) return { accept: true, why: "pairing" };
  return {
    accept: false,
    hint: `to let them verify, add "${otherUserId}" to ${path}.dm.allowFrom (\`"*"\` does not count here), or open a window with \`openclaw matrix verify arm --for 10m --account ${account.accountId}\``,
  };
}
