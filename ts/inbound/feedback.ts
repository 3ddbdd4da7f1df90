/**
 * The reaction on a message that is being answered: one that stays (ACK-1,
 * ACK-2), or one that changes with the work (ACK-4). It shows and decides
 * nothing: whatever goes wrong with it is a line in the log.
 */
import { createStatusReactionController, resolveAckReaction, shouldAckReaction, type StatusReactionController } from "../host/feedback.ts";
import type { InboundPorts } from "./ports.ts";
import type { PreparedTurn } from "./prepare.ts";

/** What a turn tells of itself. */
export interface TurnFeedback {
  thinking(): void;
  tool(name?: string): void;
  compacting(): void;
  /** The turn is over. */
  end(outcome: "done" | "failed"): void;
}

const NONE: TurnFeedback = { thinking: () => undefined, tool: () => undefined, compacting: () => undefined, end: () => undefined };

/** Room, then account, then channel, then `messages.ackReaction`, then the agent's emoji; empty: none. */
export function ackEmoji(turn: Pick<PreparedTurn, "roomEntry" | "route">, ports: Pick<InboundPorts, "cfg" | "accountId">): string {
  const own = turn.roomEntry?.ackReaction;
  return (own ?? resolveAckReaction(ports.cfg(), turn.route.agentId, { channel: "matrix", accountId: ports.accountId })).trim();
}

type AckTurn = Pick<PreparedTurn, "direct" | "mentioned" | "roomEntry" | "route">;

/** Whether the scope in force covers this message (ACK-2). */
export function isAcknowledged(turn: Pick<AckTurn, "direct" | "mentioned">, ports: Pick<InboundPorts, "cfg" | "resolved">): boolean {
  return shouldAckReaction({
    scope: ports.resolved().config.ackReactionScope ?? ports.cfg().messages?.ackReactionScope,
    inboundEventKind: "user_request",
    isDirect: turn.direct,
    isGroup: !turn.direct,
    isMentionableGroup: !turn.direct,
    canDetectMention: true,
    effectiveWasMentioned: turn.mentioned,
  });
}

/** Puts the reaction on the message; resolves nothing, waits for nothing. */
export function startFeedback(turn: PreparedTurn, ports: InboundPorts): TurnFeedback {
  // A reaction that starts a turn is answered, not reacted to; whoever only listens shows nothing of it.
  if (turn.reaction || turn.ambient) return NONE;
  const emoji = ackEmoji(turn, ports);
  if (emoji === "" || !isAcknowledged(turn, ports)) return NONE;
  const { messages } = ports.cfg();
  const marks = new Marks(turn, ports);
  const removeAfter = messages?.removeAckAfterReply === true;
  if (messages?.statusReactions?.enabled !== true) {
    void marks.add(emoji).catch(marks.report);
    return { ...NONE, end: () => void (removeAfter && marks.remove(emoji).catch(marks.report)) };
  }
  return followed(
    createStatusReactionController({
      enabled: true,
      initialEmoji: emoji,
      adapter: { setReaction: (next) => marks.add(next), removeReaction: (last) => marks.remove(last) },
      onError: marks.report,
    }),
    removeAfter,
    marks.report,
  );
}

function followed(controller: StatusReactionController, removeAfter: boolean, report: (error: unknown) => void): TurnFeedback {
  void Promise.resolve(controller.setQueued()).catch(report);
  return {
    thinking: () => void controller.setThinking(),
    tool: (name) => void controller.setTool(name),
    compacting: () => void controller.setCompacting(),
    end: (outcome) => {
      const shown = outcome === "done" ? controller.setDone() : controller.setError();
      void shown.then(() => (removeAfter ? controller.clear() : undefined)).catch(report);
    },
  };
}

/** Our reactions on one message. */
class Marks {
  readonly #turn: PreparedTurn;
  readonly #ports: InboundPorts;
  readonly #ids = new Map<string, Promise<string | undefined>>();
  #added = 0;

  constructor(turn: PreparedTurn, ports: InboundPorts) {
    this.#turn = turn;
    this.#ports = ports;
  }

  readonly report = (error: unknown): void => {
    this.#ports.log.debug?.(`[${this.#ports.accountId}] a status reaction in ${this.#turn.event.roomId} was lost: ${String(error)}`);
  };

  async add(emoji: string): Promise<void> {
    const { roomId, eventId } = this.#turn.event;
    // A turn that runs again after a kill finds its first reaction again; homeservers refuse a second, equal one.
    const key = this.#added++ === 0 ? { key: `in:${eventId}:ack:${emoji}` } : {};
    const sent = this.#ports.account.react({ roomId, eventId, emoji, ...key }).then(({ eventIds }) => eventIds[0]);
    this.#ids.set(emoji, sent.catch(() => undefined));
    await sent;
  }

  async remove(emoji: string): Promise<void> {
    const eventId = await this.#ids.get(emoji);
    this.#ids.delete(emoji);
    if (eventId) await this.#ports.account.redact({ roomId: this.#turn.event.roomId, eventId, key: `unreact:${eventId}` });
  }
}
