/** Who may talk to the agent, as the configuration says it: the part that needs no host and no network. */
import type { MatrixAccountConfig, MatrixRoomConfig } from "../config/accounts.ts";
import type { RoomMatch } from "../config/rooms.ts";
import { normalizeUserEntry } from "../config/user-entry.ts";
import type { Drop } from "./drop.ts";

export type DmPolicy = "pairing" | "allowlist" | "open" | "disabled";
export type GroupPolicy = "open" | "allowlist" | "disabled";

/** The DM policy in force: `dm.enabled: false` closes it, `allowlistOnly` narrows it (ACL-1, ACL-3, ACL-10). */
export function effectiveDmPolicy(config: MatrixAccountConfig): DmPolicy {
  if (config.dm?.enabled === false) return "disabled";
  const policy = config.dm?.policy ?? "pairing";
  return config.allowlistOnly && policy !== "disabled" ? "allowlist" : policy;
}

/**
 * The room policy in force (ACL-4, ACL-10).
 *
 * @param defaults `channels.defaults.groupPolicy`
 */
export function effectiveGroupPolicy(config: MatrixAccountConfig, defaults?: GroupPolicy): GroupPolicy {
  const policy = config.groupPolicy ?? defaults ?? "allowlist";
  return config.allowlistOnly && policy === "open" ? "allowlist" : policy;
}

export { normalizeUserEntry };

/** Which senders a listed room lets through. */
export interface RoomSenders {
  policy: "open" | "allowlist";
  /** With "open", whose commands count: everybody may talk there. */
  allowFrom: string[];
}

export type RoomGate = { open: true; senders: RoomSenders } | { open: false; drop: Drop };

/**
 * Whether the room is one of ours and whose messages count in it. A room's own
 * `users` come before `groupAllowFrom` (ACL-6); a listed room with neither is
 * open to its members, which `openclaw security audit` points out.
 */
export function roomGate(input: {
  config: MatrixAccountConfig;
  /** Where the account's keys stand, for the hints. */
  path: string;
  roomId: string;
  match: RoomMatch;
  policy: GroupPolicy;
}): RoomGate {
  const { config, match, path, roomId, policy } = input;
  if (policy === "disabled") {
    return { open: false, drop: { reason: "rooms_disabled", hint: `set ${path}.groupPolicy to "allowlist" to talk in rooms` } };
  }
  if (match.entry?.enabled === false) {
    return {
      open: false,
      drop: { reason: "room_disabled", hint: `set ${path}.groups[${JSON.stringify(match.matched)}].enabled to true` },
    };
  }
  if (policy === "allowlist" && !match.entry) {
    return {
      open: false,
      drop: { reason: "room_not_listed", hint: `add ${JSON.stringify(roomId)} to ${path}.groups, or set ${path}.groupPolicy to "open"` },
    };
  }
  const users = match.entry?.users ?? [];
  if (users.length > 0) return { open: true, senders: { policy: "allowlist", allowFrom: users.map(String) } };
  const allowFrom = (config.groupAllowFrom ?? []).map(String);
  return { open: true, senders: { policy: policy === "allowlist" && allowFrom.length > 0 ? "allowlist" : "open", allowFrom } };
}

/** Must the room's messages name us? `autoReply` overrides in both directions (MEN-1, MEN-2). */
export function requiresMention(room: MatrixRoomConfig | undefined): boolean {
  if (room?.autoReply !== undefined) return !room.autoReply;
  return room?.requireMention ?? true;
}

/** What becomes of a message another account of this gateway wrote (BOT-1, BOT-2). */
export type BotMode = "off" | "mentions" | "all";

export function botMode(config: MatrixAccountConfig, room: MatrixRoomConfig | undefined): BotMode {
  const allow = room?.allowBots ?? config.allowBots ?? false;
  if (allow === "mentions") return "mentions";
  return allow ? "all" : "off";
}
