/** Reading a room's messages, and its pins (ACT-4, ACT-7). */
import { jsonResult, readPositiveIntegerParam, readStringParam } from "../host/action-results.ts";
import type { ChannelMessageActionContext } from "../host/types.ts";
import type { Account, FetchedMessage } from "../native/account.ts";
import type { ReadMessage } from "../native/past.ts";
import type { OutboundAccount } from "../outbound/send.ts";
import { eventIdOf } from "../outbound/target.ts";
import { shownPoll } from "./shown-poll.ts";
import { assertMayRead } from "./scope.ts";
import { destination, handoff, messageIdOf, roomOf, threadOf } from "./target.ts";

const DEFAULT_LIMIT = 20;
/** Polls of one page whose votes are counted; each costs requests of its own. */
const COUNTED_POLLS = 5;

/** Text of a message that has none. */
function textOf({ text, kind, filename, unavailable }: Pick<ReadMessage, "text" | "kind" | "filename" | "unavailable">): string {
  if (unavailable === "undecryptable") return "[a message that could not be decrypted]";
  if (unavailable === "redacted") return "[a deleted message]";
  if (filename) return [text, `[${kind}: ${filename}]`].filter(Boolean).join("\n");
  return text === "" ? `[${kind}]` : text;
}

export function shownMessage(message: ReadMessage) {
  return {
    messageId: message.eventId,
    sender: message.sender,
    senderName: message.senderName,
    timestamp: new Date(message.originServerTs).toISOString(),
    kind: message.kind,
    text: textOf(message),
    threadId: message.threadRootId,
    replyTo: message.replyToId,
    ...(message.edited ? { edited: true } : {}),
    ...(message.encrypted ? { encrypted: true } : {}),
  };
}

export async function read(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const { account } = outbound;
  const roomId = await roomOf(ctx, outbound);
  await assertMayRead(ctx, outbound, roomId);
  const one = eventIdOf(readStringParam(ctx.params, "messageId"));
  if (one) return readOne(account, roomId, one);
  const threadRootId = threadOf(ctx, destination(ctx));
  const page = await account.readMessages({
    roomId,
    limit: readPositiveIntegerParam(ctx.params, "limit") ?? DEFAULT_LIMIT,
    before: eventIdOf(readStringParam(ctx.params, "before")),
    after: eventIdOf(readStringParam(ctx.params, "after")),
    threadRootId,
  });
  const polls = page.messages.filter(({ kind }) => kind === "poll").slice(-COUNTED_POLLS);
  const votes = new Map(await Promise.all(polls.map(async ({ eventId }) => [eventId, await account.poll(roomId, eventId).catch(() => undefined)] as const)));
  const messages = page.messages.map((message) => {
    const poll = votes.get(message.eventId);
    return { ...shownMessage(message), ...(poll ? { poll: shownPoll(poll) } : {}) };
  });
  return jsonResult({ ok: true, roomId, threadId: threadRootId, messages, more: page.more });
}

async function readOne(account: Account, roomId: string, eventId: string) {
  const message = await account.fetchMessage(roomId, eventId);
  if (!message) throw new Error(`There is no message ${eventId} in ${roomId}.`);
  const poll = message.kind === "poll" ? await account.poll(roomId, eventId) : undefined;
  return jsonResult({ ok: true, roomId, messages: [{ ...shownFetched(message), ...(poll ? { poll: shownPoll(poll) } : {}) }], more: false });
}

function shownFetched(message: FetchedMessage) {
  return {
    messageId: message.eventId,
    sender: message.sender,
    senderName: message.senderName,
    timestamp: new Date(message.originServerTs).toISOString(),
    kind: message.kind,
    text: textOf(message),
    threadId: message.threadRootId,
  };
}

export async function pin(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  return setPin(ctx, outbound, true);
}

export async function unpin(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  return setPin(ctx, outbound, false);
}

async function setPin(ctx: ChannelMessageActionContext, outbound: OutboundAccount, pinned: boolean) {
  const eventId = messageIdOf(ctx, { current: true });
  const roomId = await roomOf(ctx, outbound);
  await handoff(ctx);
  const pins = await outbound.account.setPinned(roomId, eventId, pinned);
  return jsonResult({ ok: true, [pinned ? "pinned" : "unpinned"]: eventId, roomId, pins });
}

/** Pins shown with their text; each costs a request. */
const SHOWN_PINS = 50;

export async function listPins(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const { account } = outbound;
  const roomId = await roomOf(ctx, outbound);
  await assertMayRead(ctx, outbound, roomId);
  const pins = await account.pinned(roomId);
  const limit = Math.min(readPositiveIntegerParam(ctx.params, "limit") ?? SHOWN_PINS, SHOWN_PINS);
  const messages = await Promise.all(
    pins.slice(-limit).map(async (eventId) => {
      const message = await account.fetchMessage(roomId, eventId).catch(() => undefined);
      return message ? shownFetched(message) : { messageId: eventId };
    }),
  );
  return jsonResult({ ok: true, roomId, pins: messages, total: pins.length });
}
