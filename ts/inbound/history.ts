/** What was said in a room since the agent last answered there, for the next prompt. */
import type { HistoryEntry } from "../host/types.ts";

/** Conversations remembered at most; the least recently used is forgotten. */
const CONVERSATIONS = 500;
/** Entries of one conversation at most, whatever the configuration asks for (HIS-1). */
const ENTRIES = 200;

export class PendingHistory {
  readonly #entries = new Map<string, HistoryEntry[]>();

  record(key: string, entry: HistoryEntry, limit: number): void {
    if (limit <= 0) return;
    const entries = [...(this.#entries.get(key) ?? []), entry].slice(-Math.min(limit, ENTRIES));
    this.#entries.delete(key);
    this.#entries.set(key, entries);
    if (this.#entries.size > CONVERSATIONS) this.#entries.delete(this.#entries.keys().next().value as string);
  }

  /** The newest `limit` entries, oldest first. */
  read(key: string, limit: number): HistoryEntry[] {
    return limit > 0 ? (this.#entries.get(key) ?? []).slice(-limit) : [];
  }

  /** The agent has seen these. */
  consume(key: string, seen: readonly HistoryEntry[]): void {
    const rest = (this.#entries.get(key) ?? []).filter((entry) => !seen.includes(entry));
    if (rest.length > 0) this.#entries.set(key, rest);
    else this.#entries.delete(key);
  }
}
