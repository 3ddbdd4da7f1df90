/** Keeping people out, and power levels, for the owner (ACT-19). */
import { jsonResult, readStringParam } from "../host/action-results.ts";
import type { ChannelMessageActionContext } from "../host/types.ts";
import { type Removal, shownPower } from "../native/manage.ts";
import type { OutboundAccount } from "../outbound/send.ts";
import { flag, handoff, roomOf, userOf } from "./target.ts";

async function remove(ctx: ChannelMessageActionContext, outbound: OutboundAccount, how: Removal) {
  const userId = userOf(ctx);
  const roomId = await roomOf(ctx, outbound);
  await handoff(ctx);
  await outbound.account.removeMember(roomId, userId, how, readStringParam(ctx.params, "reason"));
  return jsonResult({ ok: true, roomId, userId, done: how });
}

export function kick(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  return remove(ctx, outbound, "kick");
}

/** With `remove` the ban is lifted. */
export function ban(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  return remove(ctx, outbound, flag(ctx.params, "remove") ? "unban" : "ban");
}

/** The names clients give to power levels. */
const ROLES: Readonly<Record<string, number>> = { admin: 100, administrator: 100, moderator: 50, mod: 50, default: 0, member: 0, muted: -1 };

/** `admin`, `moderator`, or a number. */
export function levelOf(role: string): number {
  const name = role.trim().toLowerCase();
  const level = ROLES[name] ?? (/^-?\d{1,15}$/.test(name) ? Number(name) : undefined);
  if (level === undefined) throw new Error(`"${role}" is no role: give admin, moderator, member, muted, or a power level as a number.`);
  return level;
}

export async function roles(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const roomId = await roomOf(ctx, outbound);
  const { users, usersDefault, ...needed } = await outbound.account.roomPowers(roomId);
  return jsonResult({
    ok: true,
    roomId,
    users: users.map(({ userId, powerLevel }) => ({ userId, powerLevel: shownPower(powerLevel) })),
    everybodyElse: usersDefault,
    neededTo: { write: needed.eventsDefault, changeTheRoom: needed.stateDefault, invite: needed.invite, kick: needed.kick, ban: needed.ban, deleteMessages: needed.redact },
  });
}

export async function addRole(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const userId = userOf(ctx);
  const level = levelOf(readStringParam(ctx.params, "roleId", { required: true }));
  const roomId = await roomOf(ctx, outbound);
  await handoff(ctx);
  await outbound.account.setPowerLevel(roomId, userId, level);
  return jsonResult({ ok: true, roomId, userId, powerLevel: level });
}

/** They have then what everybody else has. */
export async function removeRole(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const userId = userOf(ctx);
  const roomId = await roomOf(ctx, outbound);
  await handoff(ctx);
  await outbound.account.setPowerLevel(roomId, userId);
  const { usersDefault } = await outbound.account.roomPowers(roomId);
  return jsonResult({ ok: true, roomId, userId, powerLevel: usersDefault });
}
