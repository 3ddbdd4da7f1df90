/** A verification as the commands print it with `--json` (§2.2 of the features). */
import type { Verification } from "../native/verification.ts";

/** Phases as matrix-js-sdk counts them. */
const PHASES = { unsent: 1, requested: 2, ready: 3, started: 4, cancelled: 5, done: 6 } as const;

export interface SasReport {
  decimal: [number, number, number];
  emoji: [string, string][];
}

export interface VerificationReport {
  id: string;
  transactionId?: string;
  roomId?: string;
  otherUserId: string;
  otherDeviceId?: string;
  isSelfVerification: boolean;
  initiatedByMe: boolean;
  phase: number;
  phaseName: keyof typeof PHASES;
  pending: boolean;
  methods: string[];
  chosenMethod: string | null;
  canAccept: boolean;
  /** There is something to compare. */
  hasSas: boolean;
  sas?: SasReport;
  /** The other side says that it has scanned our code. */
  hasReciprocateQr: boolean;
  completed: boolean;
  /** Why it was cancelled. */
  error?: string;
  createdAt: string;
  updatedAt: string;
}

export function verificationReport(verification: Verification): VerificationReport {
  const { sas, cancellation } = verification;
  return {
    id: verification.id,
    transactionId: verification.transactionId,
    ...(verification.roomId === undefined ? {} : { roomId: verification.roomId }),
    otherUserId: verification.otherUserId,
    ...(verification.otherDeviceId === undefined ? {} : { otherDeviceId: verification.otherDeviceId }),
    isSelfVerification: verification.isSelfVerification,
    initiatedByMe: verification.initiatedByMe,
    phase: PHASES[verification.phase],
    phaseName: verification.phase,
    pending: verification.pending,
    methods: verification.methods,
    chosenMethod: verification.chosenMethod ?? null,
    canAccept: verification.canAccept,
    hasSas: sas !== undefined,
    ...(sas === undefined ? {} : { sas: { decimal: sas.decimal as [number, number, number], emoji: sas.emoji.map(({ symbol, name }): [string, string] => [symbol, name]) } }),
    hasReciprocateQr: verification.qrScanned,
    completed: verification.phase === "done",
    ...(cancellation === undefined ? {} : { error: `${cancellation.reason} (${cancellation.code})` }),
    createdAt: new Date(verification.createdAt).toISOString(),
    updatedAt: new Date(verification.updatedAt).toISOString(),
  };
}
