/** Where an account's folder is, and whether a login has left a session in it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { normalizeAccountId } from "./account-id.ts";

/** The folder of all accounts below the host's state folder; the manifest names it for backups. */
export function accountsRoot(stateRoot: string): string {
  return join(stateRoot, "matrix-rs", "accounts");
}

/** The folder of one account. What is inside belongs to the core. */
export function accountStateDir(stateRoot: string, accountId: string): string {
  return join(accountsRoot(stateRoot), normalizeAccountId(accountId));
}

/**
 * Whether the account has logged in before (AUT-5). Looks for the session file
 * and nothing else: whether it still fits is for the core to say when it opens.
 */
export function hasStoredSession(stateRoot: string, accountId: string): boolean {
  return existsSync(join(accountStateDir(stateRoot, accountId), "session.json"));
}
