/**
 * Turns in which the agent could not answer. The host tells of it with an error as the
 * answer; said at once, that would be the end of the question. So it is held back, and the
 * turn fails: the inbox has it tried again, and keeps it when it fails for the third time.
 */
import type { ReplyPayload } from "../host/types.ts";

/** The agent could not answer; the message is the host's own, made for the person who asked. */
export class UnansweredTurn extends Error {
  override readonly name = "UnansweredTurn";
  readonly roomId: string;
  readonly threadRootId: string | undefined;

  constructor(text: string, place: { roomId: string; threadRootId?: string }) {
    super(text);
    this.roomId = place.roomId;
    this.threadRootId = place.threadRootId;
  }
}

/** What the host says, not always as an error, of a turn in which no reply came about or none was delivered: the question is not answered. */
const NOTHING_DELIVERED = /^\S* ?OpenClaw couldn't produce or deliver a reply|^⚠️ (?:Agent run failed|\S+ request failed)\b/;

/** Follows one turn's deliveries. */
export class TurnErrors {
  readonly #held: ReplyPayload[] = [];
  /** Something was said or done, so that the turn must not run again. */
  #begun = false;

  /** A tool may have had an effect. */
  toolStarted(): void {
    this.#begun = true;
  }

  /**
   * Whether a payload is held back: an error where nothing was said or done yet, and the host's
   * own words about a turn that delivered nothing. Called before it is delivered, so that the
   * host takes it for a decision of the channel's and not for a delivery that failed.
   */
  holds(payload: ReplyPayload, kind: "tool" | "block" | "final"): boolean {
    const text = payload.text?.trim();
    if (this.#begun || kind !== "final" || !text) return false;
    const nothing = NOTHING_DELIVERED.test(text);
    if (payload.isError !== true && !nothing) return false;
    // The cause is said already where there is one.
    if (!(nothing && this.#held.length > 0) && !this.#held.some((held) => held.text === payload.text)) this.#held.push(payload);
    return true;
  }

  /** What to deliver now, given what the host delivers: with an answer goes what was held back before it. */
  admit(payload: ReplyPayload): ReplyPayload[] {
    // Reasoning and notices say something about the answer; they are none.
    if (payload.isReasoning || payload.isStatusNotice || payload.isCompactionNotice || payload.isFallbackNotice) return [payload];
    this.#begun = true;
    return [...this.#held.splice(0), payload];
  }

  /** Neither an answer nor an error came through the turn. */
  nothingCame(): boolean {
    return !this.#begun && this.#held.length === 0;
  }

  /** What the turn failed with, once it is over without an answer. */
  failure(): string | undefined {
    return this.#begun ? undefined : this.#held[0]?.text?.trim();
  }

  /** Held back, and then a tool made the turn one that must not run again. */
  rest(): ReplyPayload[] {
    return this.#begun ? this.#held.splice(0) : [];
  }
}
