/**
 * Why an event led to no answer. Each has a code for the log and, where a person
 * could have meant otherwise, the key or command that changes it (STA-4).
 */
import { dropOldest } from "./oldest.ts";
export type DropReason =
  | "own_message"
  | "ignored_user"
  | "configured_bot"
  | "bot_without_mention"
  | "notice"
  | "empty"
  | "unsupported_kind"
  | "later_edit"
  | "not_a_message"
  | "dm_disabled"
  | "dm_not_allowed"
  | "pairing_pending"
  | "rooms_disabled"
  | "room_not_listed"
  | "room_disabled"
  | "room_sender_not_allowed"
  | "no_mention"
  | "command_not_allowed"
  | "bot_loop"
  | "access_denied"
  | "sent_in_clear"
  | "sender_not_cross_signed"
  | "identity_changed"
  | "approval_not_verified"
  | "not_joined";

export interface Drop {
  reason: DropReason;
  /** The host's own code, when the host decided. */
  detail?: string;
  /** What a person would change to get an answer. */
  hint?: string;
}

/** Reasons of every conversation that no key changes: our own messages, a code that was just told. */
const DETAIL: ReadonlySet<DropReason> = new Set(["own_message", "later_edit", "not_a_message", "empty", "pairing_pending"]);

/** Where a reason is said for the first time in a conversation; after that it is detail. */
export function dropLevel(reason: DropReason): "debug" | "info" {
  return DETAIL.has(reason) ? "debug" : "info";
}

/** `matrix[ops]: no answer in !r:hs (room_not_listed): add …`; no text, no sender (they are somebody's). */
export function dropLine(accountId: string, roomId: string, drop: Drop): string {
  const detail = drop.detail && drop.detail !== drop.reason ? `${drop.reason}: ${drop.detail}` : drop.reason;
  return `[${accountId}] no answer in ${roomId} (${detail})${drop.hint ? `; ${drop.hint}` : ""}`;
}

/** At most this many causes are remembered; the oldest then speaks again. */
const REMEMBERED = 512;

/** A cause and how often it led to silence. */
export interface Recorded {
  drop: Drop;
  count: number;
  /** Milliseconds since the Unix epoch. */
  lastAt: number;
}

/** Says each cause once per conversation, so that a busy room does not fill the log, and counts the rest. */
export class DropLog {
  readonly #causes = new Map<string, Recorded & { roomId: string }>();
  readonly #log: { info: (line: string) => void; debug?: (line: string) => void };
  readonly #accountId: string;

  constructor(accountId: string, log: { info: (line: string) => void; debug?: (line: string) => void }) {
    this.#accountId = accountId;
    this.#log = log;
  }

  record(roomId: string, drop: Drop): void {
    const key = JSON.stringify([roomId, drop.reason, drop.detail]);
    const line = dropLine(this.#accountId, roomId, drop);
    const known = this.#causes.get(key);
    this.#causes.delete(key);
    this.#causes.set(key, { roomId, drop, count: (known?.count ?? 0) + 1, lastAt: Date.now() });
    dropOldest(this.#causes, REMEMBERED);
    if (known || dropLevel(drop.reason) === "debug") this.#log.debug?.(line);
    else this.#log.info(line);
  }

  /** What led to silence in a room, newest first. */
  of(roomId: string): Recorded[] {
    return [...this.#causes.values()].filter((cause) => cause.roomId === roomId).toReversed();
  }
}
