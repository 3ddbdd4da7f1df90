/** What a failed send means to the host: certainly not sent, partly sent, or in doubt. */
import { createChannelPartialDeliveryError, PlatformMessageNotDispatchedError } from "../host/errors.ts";
import { createMessageReceiptFromOutboundResults } from "../host/outbound.ts";
import type { MessageReceipt } from "../host/types.ts";
import type { Account } from "../native/account.ts";

/** A receipt of the events a send became. */
export function receiptOf(roomId: string, eventIds: readonly string[], relation: { threadId?: string; replyToId?: string } = {}): MessageReceipt {
  return createMessageReceiptFromOutboundResults({
    results: eventIds.map((messageId) => ({ channel: "matrix", messageId, roomId, target: { kind: "room" as const, id: roomId } })),
    kind: "text",
    ...relation,
  });
}

/**
 * Reads the outbox to learn how far a rejected send came. A row that was never
 * stored or that failed without an event is provably unsent; events already
 * there make it a partial delivery; a row that still waits is in doubt, and the
 * error stays what it was.
 */
export async function deliveryError(
  account: Pick<Account, "outboxEntry">,
  send: { key: string; roomId: string; text: string },
  error: unknown,
): Promise<unknown> {
  const entry = await account.outboxEntry(send.key).catch(() => undefined);
  const message = error instanceof Error ? error.message : String(error);
  if (entry && entry.eventIds.length > 0) {
    return createChannelPartialDeliveryError(error, {
      visibleReplySent: true,
      content: send.text,
      receipt: receiptOf(send.roomId, entry.eventIds),
    });
  }
  if (entry && (entry.state === "queued" || entry.state === "sent" || entry.inDoubt)) return error;
  // Without an answer from the outbox only an account that refused the row at once is certain.
  if (!entry && !isRefusal(error)) return error;
  return new PlatformMessageNotDispatchedError(message, { cause: error });
}

function isRefusal(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return code === "closed" || code === "config_invalid";
}
