/** One message from the inbox to its end. */
import type { InboundMessage } from "../native/account.ts";
import { runTurn } from "./dispatch.ts";
import type { Drop } from "./drop.ts";
import { challenge } from "./pairing.ts";
import type { InboundPorts, TurnProgress } from "./ports.ts";
import { prepare } from "./prepare.ts";
import { turnKey } from "./turn-key.ts";

/**
 * @returns why there was no answer, if there was none
 * @throws when the message should be tried again
 */
export async function handleMessage(event: InboundMessage, ports: InboundPorts, progress: TurnProgress): Promise<Drop | undefined> {
  const preparation = await prepare(event, ports);
  if (preparation.kind === "answer") {
    const windowMs = ports.runtime.channel.debounce.resolveInboundDebounceMs({ cfg: ports.cfg(), channel: "matrix" });
    return ports.bursts.add(preparation.turn, windowMs, progress, (turn, taken) => runTurn(turn, ports, taken));
  }
  if (preparation.kind === "drop") {
    const { remember, drop } = preparation;
    if (remember) {
      ports.history.record(
        remember.key,
        { sender: remember.senderName, senderId: event.sender, body: remember.text, timestamp: event.originServerTs, messageId: event.eventId },
        remember.limit,
      );
    }
    return drop;
  }
  const answer = await challenge({
    runtime: ports.runtime,
    accountId: ports.accountId,
    sender: event.sender,
    senderName: preparation.senderName,
    roomId: preparation.roomId,
    now: ports.now(),
  });
  if (answer.kind === "tell") {
    if (answer.created) {
      ports.log.info(`[${ports.accountId}] pairing requested; see \`openclaw pairing list matrix\``);
    }
    await ports.account.sendText({
      roomId: preparation.roomId,
      markdown: answer.text,
      kind: "text",
      key: `${turnKey(event)}:pairing`,
      chunkLimit: 4000,
      chunkMode: "length",
      tables: "block",
    });
  }
  return { reason: "pairing_pending" };
}
