/** The room map: its keys, its merge over accounts, and which entry a room gets. */
import { normalizeAccountId } from "./account-id.ts";
import type { MatrixAccountConfig, MatrixRoomConfig } from "./schema.ts";

type RoomMap = Record<string, MatrixRoomConfig>;

/** A room key without the prefixes people copy from targets: `matrix:`, `room:`, `channel:` (ACL-7). */
export function normalizeRoomKey(key: string): string {
  return key.trim().replace(/^(?:(?:matrix|room|channel):)+/i, "").trim();
}

/** `groups` with its older name `rooms` folded in (ACL-9); undefined when neither is there. */
function ownRooms(config: MatrixAccountConfig): RoomMap | undefined {
  if (!config.groups && !config.rooms) return undefined;
  return overlay(config.rooms ?? {}, config.groups ?? {});
}

/** Room by room: the keys of `over` win. Entries meet even if their spelling differs by a prefix. */
function overlay(under: RoomMap, over: RoomMap): RoomMap {
  const merged = new Map(Object.entries(under));
  for (const [key, room] of Object.entries(over)) {
    const same = [...merged.keys()].find((other) => normalizeRoomKey(other) === normalizeRoomKey(key));
    const beneath = same === undefined ? undefined : merged.get(same);
    if (same !== undefined) merged.delete(same);
    merged.set(key, { ...beneath, ...room });
  }
  return Object.fromEntries(merged);
}

/**
 * The rooms of one account (ACC-1, ACC-4): the shared ones, without those that
 * name another account, under the account's own. An empty object in the account
 * takes the shared ones away.
 */
export function mergeRooms(accountId: string, base: MatrixAccountConfig, own?: MatrixAccountConfig): RoomMap | undefined {
  const forUs = (rooms: RoomMap) =>
    Object.fromEntries(
      Object.entries(rooms).filter(([, room]) => !room.account || normalizeAccountId(room.account) === accountId),
    );
  const shared = ownRooms(base);
  const mine = own ? ownRooms(own) : undefined;
  if (!mine) return shared && forUs(shared);
  if (Object.keys(mine).length === 0) return {};
  return overlay(shared ? forUs(shared) : {}, forUs(mine));
}

/** What of a room decides which entry it gets. */
export interface RoomNames {
  roomId: string;
  /** Canonical and alternative aliases, as the homeserver resolves them. */
  aliases: readonly string[];
}

/** An entry and the key it stands under. */
export interface RoomMatch {
  entry?: MatrixRoomConfig;
  /** The key as written; `*` when no closer one is there. */
  matched?: string;
}

/**
 * The entry for a room: its id, else one of its aliases, else `*` (ACL-7). Ids
 * and aliases are compared exactly: both are case-sensitive. An entry with
 * `enabled: false` is returned like any other; it means the room is not listed
 * (ACL-8), and `*` does not list it again.
 */
export function matchRoom(rooms: RoomMap | undefined, names: RoomNames): RoomMatch {
  const keys = new Map(Object.keys(rooms ?? {}).map((key) => [normalizeRoomKey(key), key]));
  for (const candidate of [names.roomId, ...names.aliases, "*"]) {
    const matched = keys.get(candidate);
    if (matched !== undefined) return { entry: rooms?.[matched], matched };
  }
  return {};
}
