/** The agent's and the command line's message actions: send and react. */
import { jsonResult, readStringParam } from "../host/action-results.ts";
import type { ChannelMessageActionContext } from "../host/types.ts";
import { deliveryKey } from "../outbound/adapter.ts";
import { type OutboundAccount, resolveRoom, sendOutboundText } from "../outbound/send.ts";
import { eventIdOf } from "../outbound/target.ts";

/** Performs one action on an account that runs in this process. */
export function performMessageAction(action: "send" | "react", ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  return action === "send" ? send(ctx, outbound) : react(ctx, outbound);
}

async function handoff(ctx: ChannelMessageActionContext): Promise<void> {
  await ctx.onPlatformSendDispatch?.();
  ctx.assertDirectAdapterHandoff?.();
}

async function send(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const to = readStringParam(ctx.params, "to", { required: true });
  const text = readStringParam(ctx.params, "message", { required: true, allowEmpty: false });
  const sent = await sendOutboundText(outbound, {
    to,
    text,
    threadRootId: eventIdOf(readStringParam(ctx.params, "threadId")) ?? implicitThread(ctx, to),
    replyToId: eventIdOf(readStringParam(ctx.params, "replyTo")),
    key: deliveryKey({}),
    beforeSend: () => handoff(ctx),
  });
  return jsonResult({ ok: true, messageId: sent.eventIds[0], messageIds: sent.eventIds, roomId: sent.roomId, state: sent.state });
}

/** The thread of the conversation the agent is in, for a send into the same room. */
function implicitThread(ctx: ChannelMessageActionContext, to: string): string | undefined {
  const { toolContext } = ctx;
  const here = toolContext?.currentMessagingTarget ?? toolContext?.currentChannelId;
  return here === to ? eventIdOf(toolContext?.currentThreadTs) : undefined;
}

async function react(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const emoji = readStringParam(ctx.params, "emoji", { required: true });
  const current = ctx.toolContext?.currentMessageId;
  const eventId = eventIdOf(readStringParam(ctx.params, "messageId") ?? (current === undefined ? undefined : String(current)));
  if (!eventId) throw new Error("Which message? Give its event id ($…) as messageId.");
  const to = readStringParam(ctx.params, "to") ?? ctx.toolContext?.currentMessagingTarget ?? ctx.toolContext?.currentChannelId;
  if (!to) throw new Error("In which room? Give the room id (!…) as to.");
  const roomId = await resolveRoom(outbound.account, to);
  await handoff(ctx);
  const sent = await outbound.account.react({ roomId, eventId, emoji });
  return jsonResult({ ok: true, added: emoji, messageId: eventId, reactionId: sent.eventIds[0], state: sent.state });
}
