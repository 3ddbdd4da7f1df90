/** Edits of messages the agent has had already (SES-12): with `editMode: "tell"` it hears of them, and none starts an answer. */
import type { InboundEdit } from "../native/account.ts";
import { asMessage, oneLine, tell } from "./aside.ts";
import type { InboundPorts } from "./ports.ts";
import { prepare } from "./prepare.ts";

/** Characters of the new text that are told; the agent can read the message for the rest. */
const TEXT_LIMIT = 1000;

export async function handleEdit(event: InboundEdit, ports: InboundPorts): Promise<void> {
  const { eventId, sender, roomId, targetId, live } = event;
  // A draft that is still being written is not what its author wants to say.
  if (ports.resolved().config.editMode !== "tell" || !eventId || live || sender === ports.account.identity.userId || ports.bots().has(sender)) return;
  const target = await ports.account.fetchMessage(roomId, targetId).catch(() => undefined);
  // Nobody edits what others wrote (spec, "Validity of replacement events").
  if (target?.sender !== sender) return;
  // What would not reach the agent as a message does not reach it as an edit.
  const preparation = await prepare(asMessage(event, event.text, { threadRootId: target.threadRootId }), ports);
  if (preparation.kind !== "answer") return;
  const { turn } = preparation;
  tell(`Matrix message edited: msg ${targetId} by ${oneLine(turn.senderName, 80)} (${sender}) now reads: ${oneLine(event.text, TEXT_LIMIT)}`, `matrix:edit:${eventId}`, turn, ports);
}
