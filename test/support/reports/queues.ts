/** `dead-letters …` and `outbox …`. */
import { z } from "zod";
import type { DeadLetterReport, ShownReport } from "../../../ts/operations/dead-letters.ts";
import type { UnsentReport } from "../../../ts/operations/outbox.ts";
import type { Handled } from "../../../ts/operations/queue-operation.ts";
import { moment, of, shape } from "./schema.ts";

const letterShape = shape({
  id: z.int().min(1),
  roomId: z.string().nullable(),
  eventId: z.string().nullable(),
  sender: z.string().nullable(),
  sentAt: moment.nullable(),
  failedAt: moment.nullable(),
  cause: z.string().min(1),
  failures: z.int().min(0),
  crashes: z.int().min(0),
});

const handled = of<Handled>()(z.strictObject({ done: z.array(z.int()), unknown: z.array(z.int()) }));

const messages = z.strictObject({
  messages: z.array(
    of<UnsentReport>()(
      z.strictObject({
        id: z.int().min(1),
        roomId: z.string().nullable(),
        state: z.enum(["queued", "waiting", "failed"]),
        waitingUntil: moment.nullable(),
        createdAt: moment.nullable(),
        expiresAt: moment.nullable(),
        parts: z.int().min(0),
        sent: z.int().min(0),
        attempts: z.int().min(0),
        error: z.string().nullable(),
        inDoubt: z.boolean(),
      }),
    ),
  ),
});

export const QUEUE_REPORTS = {
  "dead-letters list": z.strictObject({ deadLetters: z.array(of<DeadLetterReport>()(z.strictObject(letterShape))) }),
  "dead-letters show": of<ShownReport>()(z.strictObject({ ...letterShape, text: z.string().nullable() })),
  "dead-letters resubmit": handled,
  "dead-letters drop": handled,
  "outbox list": messages,
  "outbox retry": handled,
  "outbox drop": handled,
} as const;
