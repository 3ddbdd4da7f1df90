/** The pairing challenge: one code, and a reminder now and then (PAI-1, PAI-2). */
import type { PluginRuntime } from "../host/types.ts";
import { dropOldest } from "./oldest.ts";

/** A reminder of a pending code at most this often, in milliseconds. */
export const REMINDER_PAUSE_MS = 5 * 60_000;
const REMEMBERED = 1000;

/** When somebody was last told a code, by account and user id. Kept over account restarts in this process. */
const lastTold = new Map<string, number>();

export type Challenge = { kind: "tell"; text: string; created: boolean } | { kind: "quiet" };

/**
 * What to say to an unknown sender. The host makes, keeps and expires the code;
 * it gives the same one while a request is pending.
 */
export async function challenge(input: {
  runtime: Pick<PluginRuntime, "channel">;
  accountId: string;
  sender: string;
  senderName?: string;
  /** Where they asked: there they are told of the approval. */
  roomId: string;
  now: number;
}): Promise<Challenge> {
  const { runtime, accountId, sender, now } = input;
  const { pairing } = runtime.channel;
  const { code, created } = await pairing.upsertPairingRequest({
    channel: "matrix",
    accountId,
    id: sender,
    meta: { name: input.senderName, room: input.roomId },
  });
  // An empty code: the host's limit of pending requests is reached.
  if (!code) return { kind: "quiet" };
  const key = JSON.stringify([accountId, sender]);
  const told = lastTold.get(key);
  if (!created && told !== undefined && now - told < REMINDER_PAUSE_MS) return { kind: "quiet" };
  lastTold.delete(key);
  lastTold.set(key, now);
  dropOldest(lastTold, REMEMBERED);
  const reply = pairing.buildPairingReply({ channel: "matrix", idLine: `Your Matrix user id: ${sender}`, code });
  return { kind: "tell", created, text: created ? reply : `${reply}\n\nThis request is still waiting for approval; the code is the same as before.` };
}
