/**
 * Is this room a conversation with one person, or a room? The answer decides
 * which policy, which session and which mention rule apply (SES-5), so every
 * answer carries its reason for the log.
 */
import type { RoomInfo } from "../native/account.ts";

export type ConversationReason =
  /** The room has an entry of its own in `groups`. */
  | "listed_in_groups"
  /** More people than the two of us. */
  | "more_than_two"
  /** `m.direct` names this room. */
  | "account_data"
  /** `is_direct` of a member event, ours or the other's. */
  | "member_is_direct"
  /** Two people and nothing that names the room. */
  | "two_unnamed"
  /** Two people in a room with a name of its own. */
  | "named_room";

export interface Conversation {
  kind: "direct" | "room";
  reason: ConversationReason;
}

export type RoomShape = Pick<
  RoomInfo,
  | "name"
  | "canonicalAlias"
  | "altAliases"
  | "joinedMemberCount"
  | "invitedMemberCount"
  | "directTargets"
  | "memberIsDirect"
  | "otherMembers"
  | "serviceMembers"
>;

function servicesIn(room: RoomShape): number {
  return room.otherMembers.filter((member) => room.serviceMembers.includes(member)).length;
}

/** People besides us, joined or invited; service members (MSC4171) are nobody. */
export function otherPeople(room: RoomShape): number {
  return Math.max(0, room.joinedMemberCount + room.invitedMemberCount - 1 - servicesIn(room));
}

/**
 * Whether the room's word about its service members is to be believed. Who may write it may call
 * themselves one, and would then listen to what another person takes for private: so `m.direct`,
 * which is ours, has to name the one who is left.
 */
function believable(room: RoomShape): boolean {
  const people = room.otherMembers.filter((member) => !room.serviceMembers.includes(member));
  return servicesIn(room) === 0 || people.length === 0 || people.some((member) => room.directTargets.includes(member));
}

/**
 * Decides between direct and room. A flag set by anybody (`m.direct`,
 * `is_direct`) never makes a room of three private: the head count comes first.
 *
 * @param listed the room has its own, enabled entry in `groups`; `*` does not count
 */
export function classifyConversation(room: RoomShape, listed: boolean): Conversation {
  if (listed) return { kind: "room", reason: "listed_in_groups" };
  if (otherPeople(room) > 1 || !believable(room)) return { kind: "room", reason: "more_than_two" };
  if (room.directTargets.length > 0) return { kind: "direct", reason: "account_data" };
  if (room.memberIsDirect) return { kind: "direct", reason: "member_is_direct" };
  const named = Boolean(room.name?.trim()) || Boolean(room.canonicalAlias) || room.altAliases.length > 0;
  return named ? { kind: "room", reason: "named_room" } : { kind: "direct", reason: "two_unnamed" };
}
