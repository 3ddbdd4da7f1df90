/** What a person is told of messages that cannot be read: why, and what helps (ENC-6). */
import type { Health } from "../native/account.ts";

interface Cause {
  /** Completes "2 of them: …". */
  why: string;
  todo: string;
}

const ASK_AGAIN = "Ask the sender to send them again";

/** By the core's cause; a withheld code stands behind `withheld:` as the sender's client gave it (m.room_key.withheld). */
const CAUSES: Readonly<Record<string, Cause>> = {
  "missing-session": { why: "their key has not come", todo: "They are read as soon as it comes; if it does not, ask the sender to send them again, or to start their client" },
  "no-backup": { why: "they are older than this device, and no key backup is in use here", todo: ASK_AGAIN },
  "sent-before-join": { why: "they were sent before the bot was in the room", todo: `The sender's client did not share their keys with new members. ${ASK_AGAIN}` },
  "unknown-index": { why: "their key was shared only from a later message on", todo: ASK_AGAIN },
  "unsigned-sender": { why: "the sender's device is not verified by its owner", todo: "Ask the sender to verify the device they write from" },
  "mismatched-identity": { why: "the sender's device is not the one whose key encrypted them", todo: "Ask the sender to log out on that device and in again" },
  "decryption-failed": { why: "they are damaged, or their key is", todo: ASK_AGAIN },
  malformed: { why: "they are not valid encrypted messages", todo: "Ask the sender to update their client" },
  "withheld:m.unverified": { why: "the sender gives keys to verified devices only", todo: "Verify the bot's device from another client of the bot's user, or ask the sender to allow unverified devices" },
  "withheld:m.blacklisted": { why: "the sender has blocked the bot's device", todo: "Ask the sender to unblock it" },
  "withheld:m.unauthorised": { why: "the sender's client says that the bot may not read them", todo: "They were sent before the bot was in the room, or in a room with closed history. Ask the sender to send them again" },
  "withheld:m.unavailable": { why: "the sender's client has no key for them any more", todo: ASK_AGAIN },
  "withheld:m.no_olm": { why: "the sender's client could not reach the bot's device", todo: `It tries again by itself with its next messages. ${ASK_AGAIN}` },
};

function known(cause: string): Cause {
  return CAUSES[cause] ?? { why: `their key is missing (${cause})`, todo: ASK_AGAIN };
}

function age(since: number | undefined, now: number): string {
  if (since === undefined) return "";
  const minutes = Math.max(1, Math.round((now - since) / 60_000));
  return minutes < 120 ? `, the oldest for ${minutes} min` : `, the oldest for ${Math.round(minutes / 60)} h`;
}

/** How long something has waited, as an addition to a sentence. */
export { age as waitingFor };

/** Advice for this many causes, the most frequent first. */
const ADVICE = 2;

/** The issue of `openclaw channels status`; undefined while nothing waits. */
export function unreadable({ undecryptable }: Health, now: number): { message: string; fix: string } | undefined {
  if (undecryptable.waiting === 0) return undefined;
  const causes = undecryptable.causes.map(({ cause, count }) => `${count}: ${known(cause).why}`).join("; ");
  const advice = [...new Set(undecryptable.causes.map(({ cause }) => known(cause).todo))].slice(0, ADVICE);
  return {
    message: `${undecryptable.waiting} encrypted message(s) cannot be read yet${age(undecryptable.oldestAt, now)}${causes ? ` (${causes})` : ""}.`,
    fix: advice.length ? `${advice.join(". ")}.` : "",
  };
}
