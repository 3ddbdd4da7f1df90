/**
 * A message that is still being written: sent once, then edited as the text
 * grows, at most about once a second (STR-2, MSC4357). It shows what the agent
 * has so far and never decides what the answer is.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Account, OutboxEntry, SendTarget } from "../native/account.ts";

/** Pause between two edits, in milliseconds. */
export const EDIT_PAUSE_MS = 1000;

/**
 * Longer text waits for the answer, in bytes. An edit says it four times, as text and as HTML, twice each, and
 * encryption makes a third more of it; an event has 64 KiB.
 */
const MAX_BYTES = 10_000;

export interface DraftOptions {
  account: Pick<Account, "sendText" | "editText" | "redact" | "outboxEntry">;
  target: SendTarget;
  kind: "text" | "notice";
  /** Key of the message itself; a turn that runs again goes on with the same message. */
  key: string;
  tables: "block" | "bullets" | "code" | "off";
  /** Longer text waits for the answer: a draft is one event. */
  limit: number;
  pauseMs?: number;
  onError: (error: unknown) => void;
}

/** Whether the outbox has taken a send, whatever became of it since, short of a failure. */
export function isStored(entry: OutboxEntry): boolean {
  return entry.state === "sent" || entry.state === "queued";
}

/** Key of the edit that makes a draft the answer. */
export function completionKey(draftKey: string): string {
  return `${draftKey}:final`;
}

/** Key of the redaction that takes a draft back. */
export function discardKey(draftKey: string): string {
  return `${draftKey}:discard`;
}

export class Draft {
  readonly #options: DraftOptions;
  #eventId: string | undefined;
  #wanted = "";
  #shown = "";
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  #lastAt = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: DraftOptions) {
    this.#options = options;
  }

  /** The newest text; overtaken ones are never sent. */
  update(text: string): void {
    if (this.#closed || text.trim() === "" || text.length > this.#options.limit || Buffer.byteLength(text) > MAX_BYTES) return;
    this.#wanted = text;
    if (this.#timer) return;
    const wait = Math.max(0, this.#lastAt + (this.#options.pauseMs ?? EDIT_PAUSE_MS) - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#writing = this.#writing.then(() => this.#write());
    }, wait);
    this.#timer.unref?.();
  }

  /**
   * Stops writing and waits for what is under way; the event, if one was made.
   *
   * @param patienceMs how long to wait at most; without it, until the homeserver or the outbox has answered
   */
  async seal(patienceMs?: number): Promise<string | undefined> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await (patienceMs === undefined ? this.#writing : Promise.race([this.#writing, pause(patienceMs)]));
    return this.#eventId;
  }

  /** Takes the draft back: nothing came of it. */
  async discard(): Promise<void> {
    const eventId = await this.seal();
    if (!eventId) return;
    this.#eventId = undefined;
    await this.#options
      .account.redact({ roomId: this.#options.target.roomId, eventId, key: discardKey(this.#options.key) })
      .catch(this.#options.onError);
  }

  async #write(): Promise<void> {
    const text = this.#wanted;
    if (this.#closed || text === this.#shown) return;
    const { account, target, kind, tables, key } = this.#options;
    try {
      if (this.#eventId === undefined) {
        // An earlier run of this turn has completed it: nothing unfinished is written over the answer.
        if (isStored(await account.outboxEntry(completionKey(key)))) {
          this.#closed = true;
          return;
        }
        const sent = await account.sendText({ ...target, markdown: text, kind, tables, key, live: true, chunkLimit: this.#options.limit, chunkMode: "length" });
        this.#eventId = sent.eventIds[0];
        // Still queued: there is no event to edit yet, so the answer will be a message of its own.
        if (this.#eventId === undefined) this.#closed = true;
      } else {
        // Not waited for: the answer must not stand behind a homeserver that takes its time. While one edit waits there, a newer one takes its place.
        await account.editText({ roomId: target.roomId, eventId: this.#eventId, markdown: text, kind, tables, live: true, draft: true, waitMs: 0 });
      }
      this.#shown = text;
    } catch (error) {
      this.#options.onError(error);
      this.#closed = true;
    } finally {
      this.#lastAt = Date.now();
    }
  }
}
