/** `matrix.deadLetters.*`: turns that were given up (HST-3). */
import { MatrixError } from "../native/errors.ts";
import type { DeadLetter } from "../native/queues.ts";
import { noParams, type RawParams } from "./operation.ts";
import { type Handled, handle, iso, queueOperation, type Selection, selection } from "./queue-operation.ts";

/** One dead letter as `--json` prints it; without the text. */
export interface DeadLetterReport {
  id: number;
  roomId: string | null;
  eventId: string | null;
  sender: string | null;
  sentAt: string | null;
  failedAt: string | null;
  cause: string;
  failures: number;
  crashes: number;
}

/** What `show` adds. */
export interface ShownReport extends DeadLetterReport {
  text: string | null;
}

function report(letter: DeadLetter): DeadLetterReport {
  return {
    id: letter.id,
    roomId: letter.roomId ?? null,
    eventId: letter.eventId ?? null,
    sender: letter.sender ?? null,
    sentAt: iso(letter.originServerTs),
    failedAt: iso(letter.failedAt),
    cause: letter.cause,
    failures: letter.failures,
    crashes: letter.crashes,
  };
}

function oneId(params: RawParams): { id: number } {
  if (!Number.isSafeInteger(params.id)) throw new MatrixError("config_invalid", "The parameter `id` must be a whole number.");
  return { id: params.id as number };
}

export const deadLettersList = queueOperation({
  method: "matrix.deadLetters.list",
  read: noParams,
  run: async (queues): Promise<{ deadLetters: DeadLetterReport[] }> => ({ deadLetters: (await queues.deadLetters()).map(report) }),
});

export const deadLettersShow = queueOperation({
  method: "matrix.deadLetters.show",
  read: oneId,
  run: async (queues, { id }): Promise<ShownReport> => {
    const shown = await queues.deadLetter(id);
    if (!shown) throw new MatrixError("not_found", `There is no dead letter ${id}; see \`openclaw matrix dead-letters list\`.`);
    return { ...report(shown.letter), text: shown.text ?? null };
  },
});

export const deadLettersResubmit = queueOperation({
  method: "matrix.deadLetters.resubmit",
  read: selection,
  run: (queues, params: Selection): Promise<Handled> => handle(params, () => queues.deadLetters(), (ids) => queues.resubmit(ids)),
});

export const deadLettersDrop = queueOperation({
  method: "matrix.deadLetters.drop",
  read: selection,
  run: (queues, params: Selection): Promise<Handled> => handle(params, () => queues.deadLetters(), (ids) => queues.dropDeadLetters(ids)),
});
