/** What the official plugin, @openclaw/matrix, has left on disk (MIG-3): read, never written. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { DEFAULT_ACCOUNT_ID } from "../config/account-id.ts";
import { encodeRecoveryKey } from "./recovery-key-text.ts";

/** One account as the official plugin ran it last. */
export interface OfficialState {
  /** The folder of its encryption state. */
  folder: string;
  userId?: string;
  deviceId?: string;
  homeserver?: string;
  /** Opens the account's secret storage, if it was kept. */
  recoveryKey?: string;
  /** Conversations bound to sessions. */
  bindings: number;
}

type Row = Record<string, unknown>;

/** Opens a database to read; what is not there or not readable has no rows. */
export type ReadRows = (file: string, namespace: string) => Map<string, Row>;

/** The host keeps a plugin's state in one table, by namespace and key; both plugins answer to the id `matrix`. */
export function rowReader(Database: typeof DatabaseSync): ReadRows {
  return (file, namespace) => {
    if (!existsSync(file)) return new Map();
    const database = new Database(file, { readOnly: true });
    try {
      const rows = database
        .prepare("SELECT entry_key, value_json FROM plugin_state_entries WHERE plugin_id = 'matrix' AND namespace = ?")
        .all(namespace) as { entry_key: string; value_json: string }[];
      return new Map(rows.map((row) => [row.entry_key, JSON.parse(row.value_json) as Row]));
    } catch {
      // A table that does not exist: the host has kept nothing here.
      return new Map();
    } finally {
      database.close();
    }
  };
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value.trim() ? value.trim() : undefined);

/** Folders of the official plugin, one a login: named for a hash of the access token. */
export function tokenFolderName(accessToken: string): string {
  return createHash("sha256").update(accessToken).digest("hex").slice(0, 16);
}

function subfolders(dir: string, name: RegExp): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && name.test(entry.name))
      .map((entry) => join(dir, entry.name));
  } catch {
    return [];
  }
}

function recoveryKeyOf(folder: string, rows: ReadRows): string | undefined {
  const stored = rows(join(folder, "state", "openclaw.sqlite"), "recovery-key").get("current") ?? fileOf(join(folder, "recovery-key.json"));
  if (!stored) return undefined;
  const bare = text(stored.privateKeyBase64);
  return text(stored.encodedPrivateKey) ?? (bare === undefined ? undefined : encodeRecoveryKey(Buffer.from(bare, "base64")));
}

/** Before it kept its state in a database, it wrote files. */
function fileOf(path: string): Row | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Row;
  } catch {
    return undefined;
  }
}

const listed = (value: unknown): number => (Array.isArray(value) ? value.length : 0);

/**
 * The official plugin's state of an account: the folder of its last login, and what it kept there.
 *
 * @param stateRoot the host's state folder
 * @param accountId normalized
 * @param userId only state of this user counts, where it is known
 */
export function officialState(stateRoot: string, accountId: string, userId: string | undefined, rows: ReadRows): OfficialState | undefined {
  const login =
    rows(join(stateRoot, "state", "openclaw.sqlite"), "credentials").get(`account:${accountId}`) ??
    fileOf(join(stateRoot, "credentials", "matrix", accountId === DEFAULT_ACCOUNT_ID ? "credentials.json" : `credentials-${accountId}.json`));
  // The login itself is wanted even where it is not ours: then the user of the configuration decides.
  const [loginUser, loginDevice] = [text(login?.userId), text(login?.deviceId)];
  const folders = subfolders(join(stateRoot, "matrix", "accounts", accountId), /__/).flatMap((user) => subfolders(user, /^[a-f0-9]{16}$/));
  const found = folders.map((folder) => {
    const database = join(folder, "state", "openclaw.sqlite");
    const meta = rows(database, "storage-meta").get("current") ?? fileOf(join(folder, "storage-meta.json")) ?? {};
    const state: OfficialState = {
      folder,
      userId: text(meta.userId) ?? loginUser,
      deviceId: text(meta.deviceId) ?? loginDevice,
      homeserver: text(meta.homeserver) ?? text(login?.homeserver),
      recoveryKey: recoveryKeyOf(folder, rows),
      bindings: rows(database, "thread-bindings").size || listed(fileOf(join(folder, "thread-bindings.json"))?.bindings),
    };
    return { state, lastUsed: statSync(existsSync(database) ? database : folder).mtimeMs, current: loginDevice !== undefined && state.deviceId === loginDevice };
  });
  return found
    .filter(({ state }) => userId === undefined || state.userId === undefined || state.userId === userId)
    .toSorted((a, b) => Number(b.current) - Number(a.current) || Number(!!b.state.recoveryKey) - Number(!!a.state.recoveryKey) || b.lastUsed - a.lastUsed)[0]?.state;
}
