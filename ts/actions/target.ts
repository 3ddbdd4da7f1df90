/** What the parameters of an action mean: which room, which message, in which thread. */
import { readStringParam } from "../host/action-results.ts";
import type { ChannelMessageActionContext } from "../host/types.ts";
import { type OutboundAccount, resolveRoom } from "../outbound/send.ts";
import { eventIdOf, normalizeTarget } from "../outbound/target.ts";

/** The destination as it was named, else the conversation the agent is in. */
export function destination(ctx: ChannelMessageActionContext): string {
  const { params, toolContext } = ctx;
  const named = readStringParam(params, "to") ?? readStringParam(params, "channelId") ?? readStringParam(params, "target");
  const to = named ?? toolContext?.currentMessagingTarget ?? toolContext?.currentChannelId;
  if (!to) throw new Error("In which room? Give the room id (!…) as target.");
  return to;
}

export function roomOf(ctx: ChannelMessageActionContext, { account }: OutboundAccount): Promise<string> {
  return resolveRoom(account, destination(ctx));
}

/** The message meant: `messageId`, else, where it makes sense, the one the agent answers. */
export function messageIdOf(ctx: ChannelMessageActionContext, options: { current?: boolean; param?: string } = {}): string {
  const current = options.current ? ctx.toolContext?.currentMessageId : undefined;
  const named = readStringParam(ctx.params, options.param ?? "messageId");
  const eventId = eventIdOf(named ?? (current === undefined ? undefined : String(current)));
  if (!eventId) throw new Error(`Which message? Give its event id ($…) as ${options.param ?? "messageId"}.`);
  return eventId;
}

/** The thread to act in: the named one, else the agent's own when it acts where it is. */
export function threadOf(ctx: ChannelMessageActionContext, to: string): string | undefined {
  const { toolContext } = ctx;
  const here = toolContext?.currentMessagingTarget ?? toolContext?.currentChannelId;
  const same = here !== undefined && normalizeTarget(here) === normalizeTarget(to);
  return eventIdOf(readStringParam(ctx.params, "threadId")) ?? (same ? eventIdOf(toolContext?.currentThreadTs) : undefined);
}

/** The host's last word before something leaves. */
export async function handoff(ctx: ChannelMessageActionContext): Promise<void> {
  await ctx.onPlatformSendDispatch?.();
  ctx.assertDirectAdapterHandoff?.();
}
