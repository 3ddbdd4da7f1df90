/** `matrix.outbox.*`: messages that are not sent. */
import type { UnsentMessage } from "../native/queues.ts";
import { noParams } from "./operation.ts";
import { type Handled, handle, iso, queueOperation, type Selection, selection } from "./queue-operation.ts";

/** One message as `--json` prints it; without the text. */
export interface UnsentReport {
  id: number;
  roomId: string | null;
  state: "queued" | "waiting" | "failed";
  /** While it waits. */
  waitingUntil: string | null;
  createdAt: string | null;
  /** When it is given up; null once it is. */
  expiresAt: string | null;
  parts: number;
  sent: number;
  attempts: number;
  error: string | null;
  /** The homeserver may have it although it never said so. */
  inDoubt: boolean;
}

function report(message: UnsentMessage): UnsentReport {
  return {
    id: message.id,
    roomId: message.roomId ?? null,
    state: message.failed ? "failed" : message.waitingUntil === undefined ? "queued" : "waiting",
    waitingUntil: iso(message.waitingUntil),
    createdAt: iso(message.createdAt),
    expiresAt: iso(message.expiresAt),
    parts: message.parts,
    sent: message.sent,
    attempts: message.attempts,
    error: message.error ?? null,
    inDoubt: message.inDoubt,
  };
}

export const outboxList = queueOperation({
  method: "matrix.outbox.list",
  read: noParams,
  run: async (queues): Promise<{ messages: UnsentReport[] }> => ({ messages: (await queues.unsent()).map(report) }),
});

export const outboxRetry = queueOperation({
  method: "matrix.outbox.retry",
  read: selection,
  run: (queues, params: Selection): Promise<Handled> => handle(params, () => queues.unsent(), (ids) => queues.retryUnsent(ids)),
});

export const outboxDrop = queueOperation({
  method: "matrix.outbox.drop",
  read: selection,
  run: (queues, params: Selection): Promise<Handled> => handle(params, () => queues.unsent(), (ids) => queues.dropUnsent(ids)),
});
