/** `verify list`, the steps of a verification, `verify arm` and `verify acknowledge`. */
import { z } from "zod";
import type { verificationArm } from "../../../ts/operations/verification.ts";
import type { SasReport, VerificationReport } from "../../../ts/operations/verification-report.ts";
import type { AcknowledgeReport } from "../../../ts/operations/verify-acknowledge.ts";
import { moment, of, outcomeShape, userId } from "./schema.ts";

const number = z.int().min(0).max(9191);

const sas = of<SasReport>()(z.strictObject({ decimal: z.tuple([number, number, number]), emoji: z.array(z.tuple([z.string().min(1), z.string().min(1)])) }));

const PHASES = ["unsent", "requested", "ready", "started", "cancelled", "done"] as const satisfies readonly VerificationReport["phaseName"][];

const verification = of<VerificationReport>()(
  z.strictObject({
    id: z.string().min(1),
    transactionId: z.string().min(1).optional(),
    roomId: z.string().startsWith("!").optional(),
    otherUserId: userId,
    otherDeviceId: z.string().min(1).optional(),
    isSelfVerification: z.boolean(),
    initiatedByMe: z.boolean(),
    phase: z.int().min(1).max(PHASES.length),
    phaseName: z.enum(PHASES),
    pending: z.boolean(),
    methods: z.array(z.string()),
    chosenMethod: z.string().nullable(),
    canAccept: z.boolean(),
    hasSas: z.boolean(),
    sas: sas.optional(),
    hasReciprocateQr: z.boolean(),
    completed: z.boolean(),
    error: z.string().min(1).optional(),
    createdAt: moment,
    updatedAt: moment,
  }),
);

export const VERIFICATION_REPORTS = {
  "verify list": z.array(verification),
  "verify request": verification,
  "verify accept": verification,
  "verify start": verification,
  "verify sas": sas,
  "verify confirm-sas": verification,
  "verify mismatch-sas": verification,
  "verify cancel": verification,
  "verify arm": of<Awaited<ReturnType<typeof verificationArm.run>>>()(z.strictObject({ armed: z.boolean(), until: moment.nullable() })),
  "verify acknowledge": of<AcknowledgeReport>()(z.strictObject({ ...outcomeShape, userId, acknowledged: z.boolean() })),
} as const;
