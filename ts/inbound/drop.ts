/**
 * Why an event led to no answer. Each has a code for the log and, where a person
 * could have meant otherwise, the key or command that changes it (STA-4).
 */
export type DropReason =
  | "own_message"
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
  | "not_joined";

export interface Drop {
  reason: DropReason;
  /** The host's own code, when the host decided. */
  detail?: string;
  /** What a person would change to get an answer. */
  hint?: string;
}

/** Reasons that say nothing about the configuration and stay out of the ordinary log. */
const SILENT: ReadonlySet<DropReason> = new Set(["own_message", "later_edit", "not_a_message", "empty", "pairing_pending"]);

/** Reasons that are daily business in a busy room. */
const VERBOSE: ReadonlySet<DropReason> = new Set(["notice", "configured_bot", "bot_without_mention"]);

export function dropLevel(reason: DropReason): "none" | "debug" | "info" {
  if (SILENT.has(reason)) return "none";
  return VERBOSE.has(reason) ? "debug" : "info";
}

/** `matrix[ops]: no answer in !r:hs (room_not_listed): add …`; no text, no sender (they are somebody's). */
export function dropLine(accountId: string, roomId: string, drop: Drop): string {
  const detail = drop.detail && drop.detail !== drop.reason ? `${drop.reason}: ${drop.detail}` : drop.reason;
  return `[${accountId}] no answer in ${roomId} (${detail})${drop.hint ? `; ${drop.hint}` : ""}`;
}

/** At most this many causes are remembered; the oldest then speaks again. */
const REMEMBERED = 512;

/** Says each cause once per conversation, so that a busy room does not fill the log. */
export class DropLog {
  readonly #said = new Set<string>();
  readonly #log: { info: (line: string) => void; debug?: (line: string) => void };
  readonly #accountId: string;

  constructor(accountId: string, log: { info: (line: string) => void; debug?: (line: string) => void }) {
    this.#accountId = accountId;
    this.#log = log;
  }

  record(roomId: string, drop: Drop): void {
    const level = dropLevel(drop.reason);
    if (level === "none") return;
    const cause = JSON.stringify([roomId, drop.reason, drop.detail]);
    const line = dropLine(this.#accountId, roomId, drop);
    if (level === "debug" || this.#said.has(cause)) {
      this.#log.debug?.(line);
      return;
    }
    this.#said.add(cause);
    if (this.#said.size > REMEMBERED) this.#said.delete(this.#said.values().next().value as string);
    this.#log.info(line);
  }
}
