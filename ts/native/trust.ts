/** Whose devices and identities are believed; part of the contract in account.ts. */

/** Device trust of a sender, the best first. `unsigned`: known, but not signed by its owner; `unknown`: a key from a backup, shared history, or a device that is gone. */
export type SenderTrust = "verified" | "cross-signed" | "unsigned" | "unknown";

/** What is known of a sender at this moment. */
export interface SenderCheck {
  /** Of the device that made the session; undefined if none was asked about. */
  trust?: SenderTrust;
  /** Their identity is another one than the one seen first, or accepted since. */
  identityChanged: boolean;
}

/** Somebody whose identity changed and was not accepted yet. */
export interface ChangedIdentity {
  userId: string;
  /** The former identity was one that this account had verified. */
  wasVerified: boolean;
}

export interface Trust {
  /** Asks the homeserver for the sender's devices where the session's is not known as theirs: a new one may write before the homeserver has told of it. */
  checkSender(request: { roomId: string; userId: string; sessionId?: string }): Promise<SenderCheck>;
  /** Accepts the identity a person has now; false if it is the accepted one already. */
  acknowledgeIdentity(userId: string): Promise<boolean>;
}
