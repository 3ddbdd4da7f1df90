/** Beginning, answering and listing threads (ACT-14). */
import { jsonResult, readPositiveIntegerParam, readStringParam } from "../host/action-results.ts";
import type { ChannelMessageActionContext } from "../host/types.ts";
import { deliveryKey } from "../outbound/adapter.ts";
import { type OutboundAccount, sendOutboundText } from "../outbound/send.ts";
import { eventIdOf } from "../outbound/target.ts";
import { shownMessage } from "./past.ts";
import { assertMayRead } from "./scope.ts";
import { destination, handoff, roomOf } from "./target.ts";

const DEFAULT_LIMIT = 20;

function write(ctx: ChannelMessageActionContext, outbound: OutboundAccount, text: string, relation: { threadRootId?: string; replyToId?: string }) {
  return sendOutboundText(outbound, { to: destination(ctx), text, ...relation, key: deliveryKey({}), beforeSend: () => handoff(ctx) });
}

/** On a message that is there, or on a new one that says the thread's name. */
export async function create(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const named = eventIdOf(readStringParam(ctx.params, "messageId"));
  const name = readStringParam(ctx.params, "threadName");
  const text = readStringParam(ctx.params, "message");
  if (named) {
    const first = text ?? name;
    if (!first) throw new Error("A thread begins with its first answer: give it as message.");
    const sent = await write(ctx, outbound, first, { threadRootId: named });
    return jsonResult({ ok: true, threadId: named, messageId: sent.eventIds[0], roomId: sent.roomId, state: sent.state });
  }
  const opening = name ?? text;
  if (!opening) throw new Error("What is the thread about? Give threadName, or the messageId it begins on.");
  const root = await write(ctx, outbound, opening, {});
  const [threadId] = root.eventIds;
  if (threadId === undefined) throw new Error("The thread's first message waits in the outbox; answer it once it is sent.");
  const answer = name !== undefined && text !== undefined ? await write(ctx, outbound, text, { threadRootId: threadId }) : undefined;
  return jsonResult({ ok: true, threadId, messageId: answer?.eventIds[0] ?? threadId, roomId: root.roomId, state: (answer ?? root).state });
}

export async function reply(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const text = readStringParam(ctx.params, "message", { required: true, allowEmpty: false });
  const quoted = eventIdOf(readStringParam(ctx.params, "replyTo"));
  const named = eventIdOf(readStringParam(ctx.params, "threadId")) ?? eventIdOf(readStringParam(ctx.params, "messageId"));
  // The host's command has no other way to say which thread than a message of it.
  const threadRootId = named ?? (quoted ? await threadWith(ctx, outbound, quoted) : eventIdOf(ctx.toolContext?.currentThreadTs));
  if (!threadRootId) throw new Error("Which thread? Give its first message's id ($…) as threadId.");
  const sent = await write(ctx, outbound, text, { threadRootId, replyToId: quoted === threadRootId ? undefined : quoted });
  return jsonResult({ ok: true, threadId: threadRootId, messageId: sent.eventIds[0], roomId: sent.roomId, state: sent.state });
}

/** The thread a message is in, or the one that it begins. */
async function threadWith(ctx: ChannelMessageActionContext, outbound: OutboundAccount, eventId: string): Promise<string> {
  const roomId = await roomOf(ctx, outbound);
  const message = await outbound.account.fetchMessage(roomId, eventId);
  if (!message) throw new Error(`There is no message ${eventId} in ${roomId}.`);
  return message.threadRootId ?? eventId;
}

export async function list(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const roomId = await roomOf(ctx, outbound);
  await assertMayRead(ctx, outbound, roomId);
  const limit = readPositiveIntegerParam(ctx.params, "limit") ?? DEFAULT_LIMIT;
  const { threads, next } = await outbound.account.threads(roomId, limit, readStringParam(ctx.params, "pageToken") ?? readStringParam(ctx.params, "before"));
  return jsonResult({
    ok: true,
    roomId,
    threads: threads.map(({ root, replies, latestAt }) => ({
      ...shownMessage(root),
      threadId: root.eventId,
      ...(replies === undefined ? {} : { replies }),
      ...(latestAt === undefined ? {} : { latestAt: new Date(latestAt).toISOString() }),
    })),
    ...(next === undefined ? {} : { pageToken: next }),
  });
}
