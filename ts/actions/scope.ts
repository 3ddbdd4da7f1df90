/**
 * Which rooms an agent may look into (ACT-12). An operator's command may look
 * everywhere the account is. What an agent asks for on somebody's behalf stays
 * inside the conversation it is in, the rooms the configuration opens, and
 * direct messages with that same person.
 */
import { roomConfig } from "../config/accounts.ts";
import type { ChannelMessageActionContext } from "../host/types.ts";
import type { OutboundAccount } from "../outbound/send.ts";
import { parseTarget } from "../outbound/target.ts";

export async function assertMayRead(ctx: ChannelMessageActionContext, { account, resolved }: OutboundAccount, roomId: string): Promise<void> {
  if (ctx.conversationReadOrigin === "direct-operator") return;
  const { toolContext } = ctx;
  for (const here of [toolContext?.currentChannelId, toolContext?.currentMessagingTarget]) {
    const target = here === undefined ? undefined : parseTarget(here);
    if (target?.kind === "room" && target.roomId === roomId) return;
  }
  const room = await account.roomInfo(roomId);
  if (room.membership !== "join") throw new Error(`The account is not in ${roomId}; invite it first.`);
  const direct = room.directTargets.length > 0;
  if (direct) {
    const requester = ctx.requesterSenderId;
    if (requester && room.directTargets.includes(requester)) return;
  } else {
    const aliases = [room.canonicalAlias, ...room.altAliases].filter((alias): alias is string => Boolean(alias));
    const { entry } = roomConfig(resolved, { roomId, aliases });
    const users = (entry?.users ?? []).map(String);
    const mayTalkThere = users.length === 0 || (ctx.requesterSenderId !== undefined && users.includes(String(ctx.requesterSenderId)));
    if (entry && entry.enabled !== false && mayTalkThere) return;
  }
  throw new Error(`Reading in ${roomId} is not allowed from here: it is neither this conversation nor a room listed in channels.matrix.groups.`);
}
