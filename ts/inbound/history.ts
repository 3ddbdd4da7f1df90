/** What was said in a room since the agent last answered there, for the next prompt. */
import type { HistoryEntry } from "../host/types.ts";
import { dropOldest } from "./oldest.ts";

/** An entry, with whose it is: `sender` is a name. */
export interface PendingEntry extends HistoryEntry {
  senderId: string;
}

/** Conversations remembered at most; the least recently used is forgotten. */
const CONVERSATIONS = 500;
/** Entries of one conversation at most, whatever the configuration asks for (HIS-1). */
const ENTRIES = 200;

export class PendingHistory {
  readonly #entries = new Map<string, PendingEntry[]>();
  /** What an event's turn was given: a turn that runs again is given the same. */
  readonly #given = new Map<string, readonly PendingEntry[]>();

  record(key: string, entry: PendingEntry, limit: number): void {
    if (limit <= 0) return;
    const known = this.#entries.get(key) ?? [];
    // An event that comes again after a restart of its lane is there already.
    if (entry.messageId !== undefined && known.some(({ messageId }) => messageId === entry.messageId)) return;
    const entries = [...known, entry].slice(-Math.min(limit, ENTRIES));
    this.#entries.delete(key);
    this.#entries.set(key, entries);
    dropOldest(this.#entries, CONVERSATIONS);
  }

  /** The newest `limit` entries, oldest first; for one event always the same, until they are consumed. */
  read(key: string, limit: number, eventId: string): readonly PendingEntry[] {
    if (limit <= 0) return [];
    const given = this.#given.get(eventId);
    if (given) return given;
    const entries = (this.#entries.get(key) ?? []).slice(-limit);
    this.#given.set(eventId, entries);
    dropOldest(this.#given, CONVERSATIONS);
    return entries;
  }

  /** The agent has seen these. */
  consume(key: string, seen: readonly PendingEntry[], eventId: string): void {
    this.#given.delete(eventId);
    const rest = (this.#entries.get(key) ?? []).filter((entry) => !seen.includes(entry));
    if (rest.length > 0) this.#entries.set(key, rest);
    else this.#entries.delete(key);
  }
}
