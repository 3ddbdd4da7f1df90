/** People and rooms that the configuration names: what can be listed with no homeserver at hand. */
import type { ResolvedMatrixAccount } from "../config/accounts.ts";
import { normalizeRoomKey } from "../config/rooms.ts";
import type { ChannelDirectoryEntry } from "../host/types.ts";

const USER = /^@[^\s:]+:\S+$/;

function bareUser(entry: string | number): string {
  return String(entry).trim().replace(/^(?:(?:matrix|user):)+/i, "");
}

/** User ids of the allowlists, each once. */
export function configuredPeers({ config }: ResolvedMatrixAccount): ChannelDirectoryEntry[] {
  const listed = [...(config.dm?.allowFrom ?? []), ...(config.groupAllowFrom ?? []), ...Object.values(config.groups ?? {}).flatMap((room) => room.users ?? [])];
  const ids = new Set(listed.map(bareUser).filter((id) => USER.test(id)));
  return [...ids].sort().map((id) => ({ kind: "user", id: `user:${id}`, handle: id }));
}

/** Rooms of `groups`, by id or alias; switched-off ones are left out. */
export function configuredGroups({ config }: ResolvedMatrixAccount): ChannelDirectoryEntry[] {
  return Object.entries(config.groups ?? {})
    .filter(([, room]) => room.enabled !== false)
    .map(([key]) => normalizeRoomKey(key))
    .filter((key) => key.startsWith("!") || key.startsWith("#"))
    .sort()
    .map((key) => ({ kind: "group", id: `room:${key}`, ...(key.startsWith("#") ? { handle: key } : {}) }));
}
