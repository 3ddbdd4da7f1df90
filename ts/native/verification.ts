/** Verification with other devices and users as the core tells and does it; part of the contract in account.ts. */

/** What both sides show and two people compare. */
export interface ShortAuthString {
  /** Three numbers. */
  decimal: number[];
  /** Seven pictures with their names; none if the other side cannot show them. */
  emoji: { symbol: string; name: string }[];
}

/** One verification as it is at a moment. */
export interface Verification {
  /** `verification-<n>`: stays its name as long as the account is open. */
  id: string;
  /** Id of the transaction; in a room that of the event that asked. */
  transactionId: string;
  /** Set if it happens in a room. */
  roomId?: string;
  otherUserId: string;
  /** Unknown until a device has answered. */
  otherDeviceId?: string;
  /** With another device of the account's own user. */
  isSelfVerification: boolean;
  initiatedByMe: boolean;
  phase: "requested" | "ready" | "started" | "cancelled" | "done";
  /** It can still come to a result. */
  pending: boolean;
  /** What can be done together; before both sides are willing, what the asking side can do. */
  methods: string[];
  chosenMethod?: string;
  /** The other side waits for us to say that we are willing. */
  canAccept: boolean;
  /** Set while there is something to compare. */
  sas?: ShortAuthString;
  /** The other side says that it has scanned our code: a person has to confirm that. */
  qrScanned: boolean;
  /** A person has confirmed here; the other side has not. */
  confirmed: boolean;
  /** Set once it is cancelled. */
  cancellation?: { code: string; reason: string; byUs: boolean };
  createdAt: number;
  updatedAt: number;
}

/** All verifications at a moment. */
export interface VerificationsNow {
  /** Grows with every change. */
  version: number;
  /** Until when anybody may verify. */
  armedUntil?: number;
  /** Oldest first; of those that ended, the last ones. */
  verifications: Verification[];
}

/** Which verification is meant. */
export interface VerificationRef {
  /** `verification-<n>`, or the id of its transaction or of the event that asked. */
  id: string;
  /** Together: the newest one with this user in this room, if none has that id. */
  userId?: string;
  roomId?: string;
}

/** Whom to ask: the account's other devices without a user, else one device, or a user in a room. */
export interface NewVerification {
  userId?: string;
  deviceId?: string;
  roomId?: string;
  /** Offer a code to scan beside the emoji. */
  qr: boolean;
}

/** What became of the request at a start (VER-6). */
export interface StartupAsked {
  outcome: "asked" | "verified" | "no-identity" | "no-other-device" | "under-way" | "cooling-down";
  /** The one that was made, or is under way. */
  verification?: Verification;
  /** When the next one may be made. */
  until?: number;
}

/**
 * Verifications live as long as the account is open. Every method but `verificationsAfter`
 * starts the sync where it does not run; those that act on one reject with
 * `verification_not_found`, or `verification_phase` where it is not the moment.
 */
export interface VerificationControl {
  verifications(): Promise<Verification[]>;
  /** The first state above a version; undefined once closed, and for a device of another client. */
  verificationsAfter(since: number): Promise<VerificationsNow | undefined>;
  requestVerification(request: NewVerification): Promise<Verification>;
  acceptVerification(which: VerificationRef): Promise<Verification>;
  /** Begins a comparison of emoji; where one has begun, that one goes on. */
  startVerification(which: VerificationRef): Promise<Verification>;
  /** A person says that both sides show the same, or that the other device has scanned our code. Nothing else may call this. */
  confirmVerification(which: VerificationRef): Promise<Verification>;
  /** A person says that the two sides differ. */
  mismatchVerification(which: VerificationRef): Promise<Verification>;
  /** Ends one, or refuses a request; the code is `m.user` unless given. */
  cancelVerification(which: VerificationRef, options?: { code?: string; reason?: string }): Promise<Verification>;
  /** A code for the other device to scan, the same one every time: its bytes, and its picture in block characters for white writing on black. */
  verificationQr(which: VerificationRef): Promise<{ payload: Uint8Array; text: string }>;
  /** Lets anybody verify for a while, or, without a span, nobody any more; until when. Not kept over a restart. */
  armVerification(forMs?: number): Promise<number | undefined>;
  /** Asks the account's other devices to verify this one, if that is of use and the last time is long enough ago; that is kept over restarts. */
  requestStartupVerification(how: { cooldownMs: number; failureCooldownMs: number }): Promise<StartupAsked>;
}
