/** What a reply answers and what a thread began with, looked up once (THR-5, THR-6). */
import { setTimeout } from "node:timers/promises";
import type { Account, FetchedMessage, MediaInfo } from "../native/account.ts";
import { personLabel } from "./label.ts";
import { dropOldest } from "./oldest.ts";
import { fileLine } from "./text.ts";

/** Characters of a quoted message the agent sees. */
export const QUOTE_LIMIT = 500;
const CACHED = 256;
/** Pauses before a message without its key is fetched again, in milliseconds: the first fetch has the key asked for in the backup. */
const PATIENCE_MS: readonly number[] = [500, 1500, 3000];

export interface Quote {
  eventId: string;
  sender: string;
  /** Display name, else the user id. */
  label: string;
  text: string;
  media: readonly MediaInfo[];
}

/** Keeps what was fetched; the messages of one account. */
export class Quotes {
  readonly #account: Pick<Account, "fetchMessage">;
  readonly #patience: readonly number[];
  readonly #cache = new Map<string, Quote>();
  /** Waited for in vain: a turn of its thread does not wait again. */
  readonly #keyless = new Set<string>();

  constructor(account: Pick<Account, "fetchMessage">, patience = PATIENCE_MS) {
    this.#account = account;
    this.#patience = patience;
  }

  /** The message, shortened; undefined when it is not there or not readable. Never fails a turn. */
  async find(roomId: string, eventId: string): Promise<Quote | undefined> {
    const key = `${roomId} ${eventId}`;
    const cached = this.#cache.get(key);
    if (cached) {
      this.#cache.delete(key);
      this.#cache.set(key, cached);
      return cached;
    }
    let message = await this.#fetch(roomId, eventId);
    const patience = this.#keyless.has(key) ? [] : this.#patience;
    for (const pause of patience) {
      if (message?.unavailable !== "undecryptable") break;
      await setTimeout(pause);
      message = await this.#fetch(roomId, eventId);
    }
    if (!message) return undefined;
    const quote = { eventId, sender: message.sender, label: personLabel(message.senderName, message.sender), text: readable(message), media: message.media };
    // An undecryptable message may be readable the next time.
    if (message.unavailable === "undecryptable") {
      this.#keyless.add(key);
      dropOldest(this.#keyless, CACHED);
      return quote;
    }
    this.#keyless.delete(key);
    this.#cache.set(key, quote);
    dropOldest(this.#cache, CACHED);
    return quote;
  }

  #fetch(roomId: string, eventId: string): Promise<FetchedMessage | undefined> {
    return this.#account.fetchMessage(roomId, eventId).catch(() => undefined);
  }
}

function readable(message: FetchedMessage): string {
  if (message.unavailable === "undecryptable") return "[a message that could not be decrypted]";
  if (message.unavailable === "redacted") return "[a deleted message]";
  const files = message.media.map((info) => fileLine(info));
  const text = [message.text.trim(), ...files].filter(Boolean).join("\n") || `[${message.kind}]`;
  return shorten(text, QUOTE_LIMIT);
}

/** At most `limit` characters, never half of one. */
export function shorten(text: string, limit: number): string {
  const characters = [...text];
  return characters.length <= limit ? text : `${characters.slice(0, limit - 1).join("")}…`;
}
