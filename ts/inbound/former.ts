/**
 * Turns that a restart interrupted. An answer that was finished and not delivered is known from the host's
 * transcript only, and a model that is asked once more sees that it has answered.
 */
import { setTimeout } from "node:timers/promises";
import type { FinishedAnswer } from "../host/transcript.ts";
import type { ReplyPayload } from "../host/types.ts";
import { dropOldest } from "./oldest.ts";
import type { InboundPorts } from "./ports.ts";

/** An answer of before the process ended, in the place of what the model says now. */
class FormerAnswer {
  readonly #answer: FinishedAnswer;
  readonly #ports: InboundPorts;
  #given: boolean;

  /** @param isOut it is on its way already; what the model says now is nobody's answer all the same */
  constructor(answer: FinishedAnswer, isOut: boolean, ports: InboundPorts) {
    this.#answer = answer;
    this.#ports = ports;
    this.#given = isOut;
  }

  take(payload: ReplyPayload, kind: "tool" | "block" | "final"): ReplyPayload | null {
    if (kind === "tool" || this.#given) return null;
    this.#given = true;
    return { text: this.#answer.text, replyToId: payload.replyToId };
  }

  /** Once it is out: what the host's queue may still have of it is not sent again. */
  delivered(roomId: string, eventIds: readonly string[]): void {
    const { replaced } = this.#ports;
    for (const id of this.#answer.deliveries) replaced.set(id, { roomId, eventIds });
    dropOldest(replaced, REPLACED);
  }
}

/** Deliveries remembered; the host's queue is at them within seconds of its start. */
const REPLACED = 200;

async function former(answer: FinishedAnswer, ports: InboundPorts): Promise<FormerAnswer> {
  // A turn that waited behind another one is answered through the host's queue: what that has handed over is ours to send already.
  const handedOver = await Promise.all(answer.deliveries.map((id) => ports.queueDelivered(id)));
  return new FormerAnswer(answer, handedOver.includes(true), ports);
}

/** For a message that was handed out before. */
export async function formerAnswer(turn: Parameters<InboundPorts["finishedAnswer"]>[0], ports: InboundPorts): Promise<FormerAnswer | undefined> {
  try {
    const answer = ports.finishedAnswer(turn);
    if (answer === undefined) return undefined;
    ports.log.info(`[${ports.accountId}] ${turn.messageId} had its answer before the restart; that one is delivered`);
    return await former(answer, ports);
  } catch (error) {
    ports.log.warn(`[${ports.accountId}] whether ${turn.messageId} was answered before the restart could not be read: ${String(error)}`);
    return undefined;
  }
}

/** How often to look at an answer that the host delivers: it resumes one session after the other, each with a run of its own. */
const LOOKS_AT_OWED = 600;

/**
 * For a message the host says it has had: waits until the host has delivered its answer. It resumes the interrupted
 * session with it, unless another turn begins there first: then it forgets the answer. So the conversation's next
 * message waits, and what the host leaves lying is ours to deliver.
 */
export async function leftByHost(turn: Parameters<InboundPorts["owedAnswer"]>[0], ports: InboundPorts, lookMs = LOOK_MS): Promise<FormerAnswer | undefined> {
  try {
    const first = ports.owedAnswer(turn);
    let owed = first;
    for (let look = 0; look < LOOKS_AT_OWED && owed?.running; look++) {
      await setTimeout(lookMs, undefined, { ref: false });
      owed = ports.owedAnswer(turn);
      // The resumed run has an answer of its own, with a delivery of its own.
      if (owed?.intent !== first?.intent) return undefined;
    }
    if (owed?.answer === undefined) return undefined;
    ports.log.info(`[${ports.accountId}] the host did not deliver its answer to ${turn.messageId} after the restart; it is delivered now`);
    return await former(owed.answer, ports);
  } catch (error) {
    ports.log.warn(`[${ports.accountId}] whether the answer to ${turn.messageId} was delivered after the restart could not be read: ${String(error)}`);
    return undefined;
  }
}

/** For a turn of before a restart that came to nothing: the host says through other ways than the turn that it failed. */
export function failedUnheard(turn: Parameters<InboundPorts["leftUnanswered"]>[0], ports: InboundPorts): string | undefined {
  try {
    return ports.leftUnanswered(turn) ? "the agent's run ended without an answer" : undefined;
  } catch (error) {
    ports.log.warn(`[${ports.accountId}] whether a turn failed after the restart could not be read: ${String(error)}`);
    return undefined;
  }
}

/** Pause between two looks at a session that the host resumes, and how often to look, so that an account that closes does not wait for long. */
const LOOK_MS = 500;
const LOOKS = 40;

/**
 * Waits for the host to be done with a session it resumes after a restart. A turn that begins while the resumed run ends
 * stands on a leaf of the transcript that is gone ("Session transcript anchor was not returned"), fails, and is overtaken.
 */
export async function untilResumed(session: Parameters<InboundPorts["sessionRuns"]>[0], ports: InboundPorts, lookMs = LOOK_MS): Promise<void> {
  try {
    for (let look = 0; look < LOOKS && ports.sessionRuns(session); look++) await setTimeout(lookMs, undefined, { ref: false });
  } catch (error) {
    ports.log.debug?.(`[${ports.accountId}] whether the session ${session.sessionKey} is being resumed could not be read: ${String(error)}`);
  }
}
