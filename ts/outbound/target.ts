import { eventOfMessageId } from "../host/message-id.ts";

/** The forms in which a person or the agent names a destination (SES-9). */
export type Target = { kind: "room"; roomId: string } | { kind: "alias"; alias: string } | { kind: "user"; userId: string };

const ROOM = /^![^\s:]+(?::\S+)?$/;
const ALIAS = /^#[^\s:]+:\S+$/;
const USER = /^@[^\s:]+:\S+$/;

/** `room:!r:hs`, `matrix:user:@u:hs` and their kin without what stands before the id; the id's case is kept. */
export function bareTarget(raw: string): string {
  return raw.trim().replace(/^(?:(?:matrix|room|channel|user):)+/i, "").trim();
}

export function parseTarget(raw: string): Target | undefined {
  const bare = bareTarget(raw);
  if (ROOM.test(bare)) return { kind: "room", roomId: bare };
  if (ALIAS.test(bare)) return { kind: "alias", alias: bare };
  if (USER.test(bare)) return { kind: "user", userId: bare };
  return undefined;
}

/** The one spelling the host keeps: `room:!…`, `room:#…` or `user:@…`. */
export function normalizeTarget(raw: string): string | undefined {
  const target = parseTarget(raw);
  if (!target) return undefined;
  if (target.kind === "user") return `user:${target.userId}`;
  return `room:${target.kind === "room" ? target.roomId : target.alias}`;
}

export const TARGET_HINT = "a room (!room:server), an alias (#room:server) or a person (@user:server)";

/** An event id, or nothing: other channels' ids and counters are no Matrix relations. */
export function eventIdOf(value: string | number | null | undefined): string | undefined {
  return typeof value === "string" && value.startsWith("$") ? eventOfMessageId(value) : undefined;
}
