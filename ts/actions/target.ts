/** What the parameters of an action mean: which room, which message, which person, in which thread. */
import { readStringParam } from "../host/action-results.ts";
import type { ChannelMessageActionContext } from "../host/types.ts";
import { type OutboundAccount, resolveRoom } from "../outbound/send.ts";
import { eventIdOf, normalizeTarget, parseTarget } from "../outbound/target.ts";

/** Where the host's commands and the agent name the room; some commands insist on `--guild-id`. */
const ROOM_PARAMS = ["to", "channelId", "target", "roomId", "guildId"];

/** The destination as it was named, else the conversation the agent is in. */
export function destination(ctx: ChannelMessageActionContext): string {
  const { params, toolContext } = ctx;
  const named = ROOM_PARAMS.map((name) => readStringParam(params, name)).find(Boolean);
  const to = named ?? toolContext?.currentMessagingTarget ?? toolContext?.currentChannelId;
  if (!to) throw new Error("In which room? Give the room id (!…) as target.");
  return to;
}

export function roomOf(ctx: ChannelMessageActionContext, { account }: OutboundAccount): Promise<string> {
  return resolveRoom(account, destination(ctx));
}

/** The room named by this very parameter; undefined if it is not given. */
export async function roomParam(ctx: ChannelMessageActionContext, { account }: OutboundAccount, name: string): Promise<string | undefined> {
  const named = readStringParam(ctx.params, name);
  return named === undefined ? undefined : resolveRoom(account, named);
}

/** The person meant. */
export function userOf(ctx: ChannelMessageActionContext): string {
  const [user] = usersOf(ctx);
  if (user === undefined) throw new Error("Which person? Give the user id (@person:server) as userId.");
  return user;
}

/** The people meant, in whichever parameters they are named. */
export function usersOf({ params }: ChannelMessageActionContext): string[] {
  const named = [params.userId, params.participant, params.memberId, params.userIds].flat().filter((user) => typeof user === "string" && user.trim() !== "") as string[];
  return [...new Set(named.map(userId))];
}

function userId(named: string): string {
  const user = parseTarget(named);
  if (user?.kind !== "user") throw new Error(`"${named}" is no user id; they look like @person:server.`);
  return user.userId;
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

export function flag(params: Record<string, unknown>, name: string): boolean {
  return params[name] === true || params[name] === "true";
}

/** The host's last word before something leaves. */
export async function handoff(ctx: ChannelMessageActionContext): Promise<void> {
  await ctx.onPlatformSendDispatch?.();
  ctx.assertDirectAdapterHandoff?.();
}
