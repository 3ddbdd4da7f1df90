/**
 * Turns that a restart interrupted. An answer that was finished and not delivered is known from the host's
 * transcript only, and a model that is asked once more sees that it has answered.
 */
import type { ReplyPayload } from "../host/types.ts";
import type { InboundPorts } from "./ports.ts";

/** An answer of before the process ended, in the place of what the model says now. */
class FormerAnswer {
  readonly #text: string;
  #given = false;

  constructor(text: string) {
    this.#text = text;
  }

  take(payload: ReplyPayload, kind: "tool" | "block" | "final"): ReplyPayload | null {
    if (kind === "tool" || this.#given) return null;
    this.#given = true;
    return { text: this.#text, replyToId: payload.replyToId };
  }
}

/** For a message that was handed out before. */
export function formerAnswer(turn: Parameters<InboundPorts["finishedAnswer"]>[0], ports: InboundPorts): FormerAnswer | undefined {
  try {
    const text = ports.finishedAnswer(turn);
    return text === undefined ? undefined : new FormerAnswer(text);
  } catch (error) {
    ports.log.warn(`[${ports.accountId}] whether ${turn.messageId} was answered before the restart could not be read: ${String(error)}`);
    return undefined;
  }
}

/** For a turn of before a restart that came to nothing: the host says through other ways than the turn that it failed. */
export function failedUnheard(turn: Parameters<InboundPorts["lastRunFailed"]>[0], ports: InboundPorts): string | undefined {
  try {
    return ports.lastRunFailed(turn) ? "the agent's run failed after a restart" : undefined;
  } catch (error) {
    ports.log.warn(`[${ports.accountId}] whether a turn failed after the restart could not be read: ${String(error)}`);
    return undefined;
  }
}
