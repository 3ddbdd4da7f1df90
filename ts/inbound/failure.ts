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

/** Follows one turn's deliveries. */
export class TurnErrors {
  #held: ReplyPayload[] = [];
  /** Something was said or done, so that the turn must not run again. */
  #begun = false;

  /** A tool may have had an effect. */
  toolStarted(): void {
    this.#begun = true;
  }

  /**
   * What to deliver now, given what the host wants delivered: nothing if it is held back,
   * with what was held back before it once there is an answer.
   */
  admit(payload: ReplyPayload, kind: "tool" | "block" | "final"): ReplyPayload[] {
    const failed = kind === "final" && payload.isError === true && Boolean(payload.text?.trim());
    if (failed && !this.#begun) {
      this.#held.push(payload);
      return [];
    }
    // Reasoning and notices say something about the answer; they are none.
    if (!payload.isReasoning && !payload.isStatusNotice && !payload.isCompactionNotice && !payload.isFallbackNotice) this.#begun = true;
    const all = this.#begun ? [...this.#held, payload] : [payload];
    if (this.#begun) this.#held = [];
    return all;
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
