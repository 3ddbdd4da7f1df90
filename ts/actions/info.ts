/** Members and rooms as they are (ACT-9, ACT-10). */
import { jsonResult, readStringParam } from "../host/action-results.ts";
import type { ChannelMessageActionContext } from "../host/types.ts";
import { shownPower } from "../native/manage.ts";
import type { OutboundAccount } from "../outbound/send.ts";
import { parseTarget } from "../outbound/target.ts";
import { assertMayRead } from "./scope.ts";
import { roomOf } from "./target.ts";

export async function memberInfo(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const named = readStringParam(ctx.params, "userId") ?? readStringParam(ctx.params, "memberId") ?? ctx.requesterSenderId;
  const user = named ? parseTarget(named) : undefined;
  if (user?.kind !== "user") throw new Error("Which person? Give the user id (@person:server) as userId.");
  const roomId = await roomOf(ctx, outbound);
  await assertMayRead(ctx, outbound, roomId);
  const member = await outbound.account.member(roomId, user.userId);
  if (!member) throw new Error(`${user.userId} is no member of ${roomId}, and never was.`);
  return jsonResult({
    ok: true,
    roomId,
    member: {
      userId: member.userId,
      displayName: member.displayName ?? null,
      avatarUrl: member.avatarUrl ?? null,
      membership: member.membership,
      powerLevel: shownPower(member.powerLevel),
    },
  });
}

export async function roomInfo(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const { account } = outbound;
  const roomId = await roomOf(ctx, outbound);
  await assertMayRead(ctx, outbound, roomId);
  const room = await account.roomInfo(roomId);
  const own = await account.member(roomId, account.identity.userId);
  return jsonResult({
    ok: true,
    room: {
      roomId,
      name: room.name ?? null,
      topic: room.topic ?? null,
      canonicalAlias: room.canonicalAlias ?? null,
      altAliases: room.altAliases,
      encrypted: room.encrypted,
      memberCount: room.joinedMemberCount,
      invitedCount: room.invitedMemberCount,
      membership: room.membership,
      ownPowerLevel: own ? shownPower(own.powerLevel) : null,
      direct: room.directTargets.length > 0,
      replacedBy: room.replacementRoomId ?? null,
    },
  });
}
