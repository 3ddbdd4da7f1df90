/** Making, naming, entering and leaving rooms and spaces, for the owner (ACT-18). */
import { jsonResult, readPositiveIntegerParam, readStringParam } from "../host/action-results.ts";
import type { ChannelMessageActionContext } from "../host/types.ts";
import type { RoomInfo } from "../native/account.ts";
import type { OutboundAccount } from "../outbound/send.ts";
import { flag, handoff, roomOf, roomParam, userOf, usersOf } from "./target.ts";

const DEFAULT_LIMIT = 100;

function shown(room: RoomInfo) {
  return {
    roomId: room.roomId,
    name: room.name ?? null,
    canonicalAlias: room.canonicalAlias ?? null,
    topic: room.topic ?? null,
    kind: room.space ? "space" : room.directTargets.length > 0 ? "direct" : "room",
    ...(room.directTargets.length > 0 ? { with: room.directTargets } : {}),
    memberCount: room.joinedMemberCount,
    encrypted: room.encrypted,
  };
}

export async function list(ctx: ChannelMessageActionContext, { account }: OutboundAccount) {
  const query = readStringParam(ctx.params, "query")?.toLowerCase() ?? "";
  const all = (await account.joinedRooms()).filter((room) => [room.roomId, room.name, room.canonicalAlias, room.topic].some((text) => text?.toLowerCase().includes(query)));
  const limit = readPositiveIntegerParam(ctx.params, "limit") ?? DEFAULT_LIMIT;
  return jsonResult({ ok: true, rooms: all.slice(0, limit).map(shown), total: all.length });
}

async function make(ctx: ChannelMessageActionContext, outbound: OutboundAccount, space: boolean) {
  const { params } = ctx;
  const name = readStringParam(params, "name", { required: true });
  const parent = (await roomParam(ctx, outbound, "parentId")) ?? (await roomParam(ctx, outbound, "categoryId"));
  const open = flag(params, "public");
  await handoff(ctx);
  const roomId = await outbound.account.createRoom({
    name,
    topic: readStringParam(params, "topic"),
    invite: usersOf(ctx),
    // Everybody may enter a public room: there is nothing to keep from them.
    encrypted: !space && !open && params.encrypted !== false && outbound.resolved.encryption,
    space,
    public: open,
    parent,
  });
  return jsonResult({ ok: true, roomId, name, ...(parent ? { parentId: parent } : {}) });
}

export function create(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  return make(ctx, outbound, false);
}

export function createSpace(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  return make(ctx, outbound, true);
}

async function change(ctx: ChannelMessageActionContext, outbound: OutboundAccount, roomId: string) {
  const { account } = outbound;
  const edit = { name: readStringParam(ctx.params, "name"), topic: readStringParam(ctx.params, "topic"), avatarUrl: readStringParam(ctx.params, "avatarUrl") };
  const parent = (await roomParam(ctx, outbound, "parentId")) ?? undefined;
  if (Object.values(edit).every((value) => value === undefined) && parent === undefined) throw new Error("What is to change? Give name, topic, avatarUrl or parentId.");
  await handoff(ctx);
  await account.editRoom(roomId, edit);
  const inside = !flag(ctx.params, "clearParent");
  if (parent !== undefined) await account.setSpaceChild(parent, roomId, inside);
  return jsonResult({ ok: true, roomId, ...Object.fromEntries(Object.entries(edit).filter(([, value]) => value !== undefined)), ...(parent === undefined ? {} : { parentId: inside ? parent : null }) });
}

export async function edit(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  return change(ctx, outbound, await roomOf(ctx, outbound));
}

async function spaceOf(ctx: ChannelMessageActionContext, outbound: OutboundAccount): Promise<string> {
  const space = await roomParam(ctx, outbound, "categoryId");
  if (space === undefined) throw new Error("Which space? Give its room id (!…) as categoryId.");
  return space;
}

export async function editSpace(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  return change(ctx, outbound, await spaceOf(ctx, outbound));
}

export async function rename(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  readStringParam(ctx.params, "name", { required: true });
  return change(ctx, outbound, await roomOf(ctx, outbound));
}

export async function setIcon(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const avatarUrl = readStringParam(ctx.params, "avatarUrl") ?? readStringParam(ctx.params, "media") ?? readStringParam(ctx.params, "mediaUrl");
  if (avatarUrl === undefined) throw new Error("Which picture? Give an https: or mxc: URL as avatarUrl.");
  const roomId = await roomOf(ctx, outbound);
  await handoff(ctx);
  await outbound.account.editRoom(roomId, { avatarUrl });
  return jsonResult({ ok: true, roomId, avatarUrl });
}

export async function openConversation(ctx: ChannelMessageActionContext, { account }: OutboundAccount) {
  const userId = userOf(ctx);
  await handoff(ctx);
  const { roomId, created } = await account.openDm(userId);
  return jsonResult({ ok: true, roomId, userId, created });
}

export async function addParticipant(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const userId = userOf(ctx);
  const roomId = await roomOf(ctx, outbound);
  await handoff(ctx);
  await outbound.account.invite(roomId, userId);
  return jsonResult({ ok: true, roomId, invited: userId });
}

export async function removeParticipant(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const userId = userOf(ctx);
  const roomId = await roomOf(ctx, outbound);
  await handoff(ctx);
  await outbound.account.removeMember(roomId, userId, "kick", readStringParam(ctx.params, "reason"));
  return jsonResult({ ok: true, roomId, removed: userId });
}

export async function leave(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const roomId = await roomOf(ctx, outbound);
  await handoff(ctx);
  await outbound.account.leaveRoom(roomId);
  return jsonResult({ ok: true, left: roomId });
}

async function leaveAndForget({ account }: OutboundAccount, roomId: string) {
  await account.leaveRoom(roomId);
  await account.forgetRoom(roomId);
  return jsonResult({ ok: true, left: roomId, forgotten: true });
}

export async function deleteSpace(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const space = await spaceOf(ctx, outbound);
  await handoff(ctx);
  return leaveAndForget(outbound, space);
}

/** A room of others cannot be deleted: the account leaves it, and its homeserver forgets it. */
export async function deleteRoom(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const roomId = await roomOf(ctx, outbound);
  await handoff(ctx);
  return leaveAndForget(outbound, roomId);
}
