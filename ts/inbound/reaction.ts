/**
 * Reactions to what we said, and what was taken back (REA-4 … REA-6): told to
 * the agent with its next turn, or, where `reactionTrigger` says so, a turn of
 * their own. Who reacts is checked like who writes.
 */
import type { InboundReaction, InboundRedaction } from "../native/account.ts";
import { admitted, asMessage, oneLine, tell } from "./aside.ts";
import { runTurn } from "./dispatch.ts";
import type { Drop } from "./drop.ts";
import { dropOldest } from "./oldest.ts";
import type { InboundPorts, TurnProgress } from "./ports.ts";

/** A reaction we told of, so that its removal can be told, too. */
interface Told {
  targetId: string;
  key: string;
  sessionKey: string;
  route: { agentId: string };
}

/** Reactions remembered; an older one's removal is not told. */
const REMEMBERED = 1000;
/** Characters of a reaction's key; most are one emoji, some are text. */
const KEY_LIMIT = 40;

export class ToldReactions {
  readonly #told = new Map<string, Told>();

  add(eventId: string, told: Told): void {
    this.#told.set(eventId, told);
    dropOldest(this.#told, REMEMBERED);
  }

  take(eventId: string): Told | undefined {
    const told = this.#told.get(eventId);
    this.#told.delete(eventId);
    return told;
  }
}

/** @returns why there was no turn, if one could have been expected */
export async function handleReaction(event: InboundReaction, ports: InboundPorts, progress: TurnProgress): Promise<Drop | undefined> {
  const { config } = ports.resolved();
  const self = ports.account.identity.userId;
  const notifies = (config.reactionNotifications ?? "own") === "own";
  const wakes = config.reactionTrigger === "own";
  if (!event.eventId || event.sender === self || ports.bots().has(event.sender) || !(notifies || wakes)) return undefined;
  const target = await ports.account.fetchMessage(event.roomId, event.targetId);
  if (target?.sender !== self) return undefined;
  const key = oneLine(event.key, KEY_LIMIT);
  const message = asMessage(event, `[reacted with ${key} to your message ${event.targetId}]`, { threadRootId: target.threadRootId, replyToId: event.targetId });
  const turn = await admitted(message, ports, event.targetId);
  if (!turn) return undefined;
  ports.reactions.add(event.eventId, { targetId: event.targetId, key, sessionKey: turn.sessionKey, route: turn.route });
  if (wakes) return runTurn(turn, ports, progress);
  tell(`Matrix reaction added: ${key} by ${oneLine(turn.senderName, 80)} (${event.sender}) on msg ${event.targetId}`, `matrix:reaction:added:${event.eventId}`, turn, ports);
  return undefined;
}

/** A reaction that was taken back, a message of ours that somebody deleted, a message in a DM that its author deleted. */
export async function handleRedaction(event: InboundRedaction, ports: InboundPorts): Promise<void> {
  const self = ports.account.identity.userId;
  if (!event.eventId || event.sender === self || (ports.resolved().config.reactionNotifications ?? "own") === "off") return;
  const contextKey = `matrix:redaction:${event.eventId}`;
  const reaction = ports.reactions.take(event.targetId);
  if (reaction) {
    tell(`Matrix reaction removed: ${reaction.key} by ${event.sender} on msg ${reaction.targetId}`, contextKey, reaction, ports);
    return;
  }
  const target = await ports.account.fetchMessage(event.roomId, event.targetId).catch(() => undefined);
  if (target?.unavailable !== "redacted") return;
  const turn = await admitted(asMessage(event, "[deleted a message]", { threadRootId: target.threadRootId }), ports, event.targetId);
  const ours = target.sender === self;
  if (!turn || !(ours || (turn.direct && target.sender === event.sender))) return;
  const whose = ours ? "your message" : "a message of theirs";
  const reason = event.reason ? ` (${oneLine(event.reason, 120)})` : "";
  tell(`Matrix message deleted: ${whose}, msg ${event.targetId}, by ${oneLine(turn.senderName, 80)} (${event.sender})${reason}; go by it no more`, contextKey, turn, ports);
}
