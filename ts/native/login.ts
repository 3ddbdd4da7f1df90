/** Logging in by OAuth's device grant, and logging out, while nobody has the account open. */
import type { Identity } from "./account.ts";

/** Where a person goes to allow a login, and with what. */
export interface LoginPrompt {
  /** To be typed in there. */
  userCode: string;
  /** Page of the authorization server. */
  verificationUri: string;
  /** The same with the code in it. */
  verificationUriComplete?: string;
  /** How long the code is good. */
  expiresInMs: number;
}

/** A login that waits for the person. */
export interface PendingLogin {
  readonly prompt: LoginPrompt;
  /** Waits until it is allowed, and writes the session down. Once. */
  finish(): Promise<Identity>;
}

export interface LoggedOut {
  /** The homeserver knows, or knew already, that the session is over. */
  revoked: boolean;
  /** A session stood in the account's folder. */
  hadSession: boolean;
  /** Where the device's encryption store is now. */
  putAway?: string;
  /** The configured access token is another client's device, and was left alone. */
  foreignDevice: boolean;
}
