import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** What the official plugin 2026.9.6 knows of an account that it ran. */
export interface FormerAccount {
  accountId: string;
  userId: string;
  deviceId: string;
  homeserver: string;
  accessToken: string;
  /** As its person was shown it. */
  recoveryKey?: string;
  /** The same key as it is kept: 32 bytes, base64. */
  recoveryKeyBytes?: string;
  bindings?: number;
}

/** The host's table for what plugins keep, as OpenClaw 2026.9.6 makes it. */
const TABLE = `CREATE TABLE IF NOT EXISTS plugin_state_entries (
  plugin_id TEXT NOT NULL, namespace TEXT NOT NULL, entry_key TEXT NOT NULL, value_json TEXT NOT NULL,
  created_at INTEGER NOT NULL, expires_at INTEGER, PRIMARY KEY (plugin_id, namespace, entry_key)
) STRICT`;

function keep(file: string, namespace: string, key: string, value: unknown): void {
  mkdirSync(dirname(file), { recursive: true });
  const database = new DatabaseSync(file);
  database.exec("PRAGMA busy_timeout = 30000");
  database.exec(TABLE);
  database.prepare("INSERT OR REPLACE INTO plugin_state_entries VALUES ('matrix', ?, ?, ?, ?, NULL)").run(namespace, key, JSON.stringify(value), Date.now());
  database.close();
}

/** Writes what the official plugin leaves in a host's state folder; answers with the folder of the login. */
export function leaveOfficialState(stateRoot: string, former: FormerAccount): string {
  const { accountId, userId, deviceId, homeserver, accessToken } = former;
  const createdAt = "2026-09-01T10:00:00.000Z";
  keep(join(stateRoot, "state", "openclaw.sqlite"), "credentials", `account:${accountId}`, { accountId, homeserver, userId, accessToken, deviceId, createdAt });
  const clean = (text: string) => text.toLowerCase().replace(/[^a-z0-9._-]+/g, "_").replace(/^_+|_+$/g, "");
  const token = createHash("sha256").update(accessToken).digest("hex").slice(0, 16);
  const folder = join(stateRoot, "matrix", "accounts", accountId, `${clean(new URL(homeserver).host)}__${clean(userId)}`, token);
  const database = join(folder, "state", "openclaw.sqlite");
  keep(database, "storage-meta", "current", { homeserver, userId, accountId, accessTokenHash: token, deviceId, currentTokenStateClaimed: true, createdAt });
  if (former.recoveryKeyBytes !== undefined) {
    keep(database, "recovery-key", "current", { version: 1, createdAt, keyId: "key", privateKeyBase64: former.recoveryKeyBytes, ...(former.recoveryKey === undefined ? {} : { encodedPrivateKey: former.recoveryKey }) });
  }
  for (let at = 0; at < (former.bindings ?? 0); at++) keep(database, "thread-bindings", `${accountId}:${at}`, { accountId, conversationId: `$thread${at}`, targetSessionKey: "agent:main:x" });
  return folder;
}
