/** What people do to messages instead of writing one: who does it is checked like who writes, and the agent hears of it with its next turn. */
import type { InboundEdit, InboundMessage, InboundReaction, InboundRedaction } from "../native/account.ts";
import type { InboundPorts } from "./ports.ts";
import { type PreparedTurn, prepare } from "./prepare.ts";
import { shorten } from "./quote.ts";

/** One line, whatever somebody put into it: it stands among the host's own words. */
export function oneLine(text: string, limit: number): string {
  return shorten(text.replace(/[\p{Cc}\p{Cf}\u2028\u2029\s[\]]+/gu, " ").trim(), limit);
}

/** A reaction, redaction or edit as the message that the access rules judge. */
export function asMessage(event: InboundEdit | InboundReaction | InboundRedaction, text: string, relation: { threadRootId?: string; replyToId?: string }): InboundMessage {
  const { seq, roomId, eventId, sender, originServerTs, receivedAt, encrypted, senderTrust, attempts, late } = event;
  const base = { seq, roomId, eventId, sender, originServerTs, receivedAt, encrypted, senderTrust, attempts, late };
  return { ...base, ...relation, type: "message", kind: "text", body: text, text, media: [], pills: [], live: false };
}

/** Sets the event in its conversation; undefined if its sender may not talk to us there. */
export async function admitted(message: InboundMessage, ports: InboundPorts, targetId: string): Promise<PreparedTurn | undefined> {
  const preparation = await prepare(message, ports, { reactionTo: targetId });
  return preparation.kind === "answer" ? preparation.turn : undefined;
}

/** Tells the agent with the conversation's next turn. */
export function tell(text: string, contextKey: string, { sessionKey, route }: { sessionKey: string; route: { agentId: string } }, ports: InboundPorts): void {
  ports.runtime.system.enqueueSystemEvent(text, { sessionKey, agentId: route.agentId, contextKey });
}
