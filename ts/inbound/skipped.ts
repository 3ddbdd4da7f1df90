/**
 * Parts of a room's history that are not read (HIS-4): one line in the log, and one in
 * the next turn of the room. The inbox keeps a notice until the agent has seen it.
 */
import type { InboundSkipped } from "../native/account.ts";

/** Notices of one room that wait for its next turn; older ones have been in the log. */
const WAITING = 5;

function moment(at: number): string {
  return new Date(at).toISOString().replace(/:\d\d\.\d+Z$/, "Z");
}

/** "at least 12 messages between … and …" */
function what({ atLeast, since, until }: InboundSkipped): string {
  const number = atLeast > 0 ? `at least ${atLeast} message(s)` : "messages";
  const from = since === undefined ? "" : ` after ${moment(since)}`;
  const to = until === undefined ? "" : ` ${since === undefined ? "" : "and "}before ${moment(until)}`;
  return `${number}${from}${to}`;
}

/** The key that raises the bound, below the account's keys. */
function boundKey(bound: InboundSkipped["bound"]): string | undefined {
  if (bound === "maxHours") return "catchUp.maxHours";
  return bound === "refused" ? undefined : "catchUp.maxEvents";
}

/** For the log; no sender, no text. */
export function skippedLine(accountId: string, path: string, notice: InboundSkipped): string {
  const key = boundKey(notice.bound);
  const cause = key ? `more than ${path}.${key} allows; raise it to read more` : `the homeserver does not give them${notice.detail ? `: ${notice.detail}` : ""}`;
  return `[${accountId}] ${what(notice)} in ${notice.roomId} were skipped (${cause})`;
}

/** For the agent. */
export function skippedContext(notice: InboundSkipped): string {
  return `[matrix: while you were away, ${what(notice)} were said in this room and are not part of what you see]`;
}

export class SkippedNotices {
  readonly #rooms = new Map<string, InboundSkipped[]>();

  /** Notes it for the room's next turn; the notices that nobody needs to be told any more. */
  add(notice: InboundSkipped): InboundSkipped[] {
    const all = [...(this.#rooms.get(notice.roomId) ?? []).filter(({ seq }) => seq !== notice.seq), notice];
    this.#rooms.set(notice.roomId, all.slice(-WAITING));
    return all.slice(0, -WAITING);
  }

  read(roomId: string): readonly InboundSkipped[] {
    return this.#rooms.get(roomId) ?? [];
  }

  /** The agent has seen these. */
  consume(roomId: string, seen: readonly InboundSkipped[]): void {
    const rest = this.read(roomId).filter((notice) => !seen.includes(notice));
    if (rest.length > 0) this.#rooms.set(roomId, rest);
    else this.#rooms.delete(roomId);
  }
}
