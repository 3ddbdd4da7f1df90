/** The durable queues of one account, as a person handles them. Times are milliseconds since the Unix epoch. */

/** A turn that was given up: it failed three times, or ended the process ten times. */
export interface DeadLetter {
  /** Its number, for the calls that act on it. */
  id: number;
  /** Like the other facts of the event absent if the stored row is damaged. */
  roomId?: string;
  /** Absent for invites. */
  eventId?: string;
  sender?: string;
  originServerTs?: number;
  /** When it was given up. */
  failedAt: number;
  /** The last failure. */
  cause: string;
  /** Turns that failed. */
  failures: number;
  /** Turns in which the process ended. */
  crashes: number;
}

/** A dead letter with what was written. */
export interface ShownDeadLetter {
  letter: DeadLetter;
  /** What the sender wrote, as far as it is a text. */
  text?: string;
}

/** A message that is not sent; its text is not told. Drafts are left out. */
export interface UnsentMessage {
  /** Its number, for the calls that act on it. */
  id: number;
  /** Absent if the stored row is damaged. */
  roomId?: string;
  /** Given up; else queued. */
  failed: boolean;
  createdAt: number;
  /** When it is given up; absent once it is. */
  expiresAt?: number;
  /** When it is tried again, while it waits for that. */
  waitingUntil?: number;
  /** Given up although the homeserver may have taken an event that it never confirmed. */
  inDoubt: boolean;
  /** Events it consists of. */
  parts: number;
  /** Events of it that are sent. */
  sent: number;
  /** Tries that failed. */
  attempts: number;
  /** The last failure. */
  error?: string;
}

/** Calls that take ids answer with those that there were. */
export interface Queues {
  /** Oldest first. */
  deadLetters(): Promise<DeadLetter[]>;
  deadLetter(id: number): Promise<ShownDeadLetter | undefined>;
  /** They are handed out again as if they had never failed. */
  resubmit(ids: number[]): Promise<number[]>;
  /** They are forgotten unanswered. */
  dropDeadLetters(ids: number[]): Promise<number[]>;

  /** Oldest first. */
  unsent(): Promise<UnsentMessage[]>;
  /** What was given up is queued again with its transaction ids and new time; what waits is tried at once. */
  retryUnsent(ids: number[]): Promise<number[]>;
  /** Given up for good; who waits for one gets `cancelled`. */
  dropUnsent(ids: number[]): Promise<number[]>;

  /** Frees the folder if it was opened for the queues; an account's stay open with it. Idempotent. */
  close(): Promise<void>;
}

/** Whose queues to open while nobody has the account open. */
export interface OpenQueuesOptions {
  /** For error texts. */
  accountId: string;
  /** The account's own folder. */
  stateDir: string;
  /** The passphrase that wraps the store key, where one is set. */
  storePassphrase?: string;
}
