/** `matrix.invites.*` and `matrix.rooms.leave`: what a person decides of the rooms an account is asked into (INV-5). */
import type { Account, PendingInvite } from "../native/account.ts";
import { MatrixError } from "../native/errors.ts";
import { noParams, operation, type RawParams, requiredText } from "./operation.ts";

export interface InvitesReport {
  invites: { roomId: string; inviter: string | null; roomName: string | null; alias: string | null; direct: boolean }[];
}

export interface JoinedReport {
  roomId: string;
  joined: true;
}

export interface LeftReport {
  roomId: string;
  left: true;
}

interface RoomParams {
  room: string;
}

/** An id or alias without the prefixes people copy from destinations. */
export function bareRoom(room: string): string {
  return room.replace(/^(?:(?:matrix|room|channel):)+/i, "");
}

function readRoom(params: RawParams): RoomParams {
  return { room: bareRoom(requiredText(params, "room")) };
}

/** The room an id or alias means. */
async function roomIdOf(account: Account, room: string): Promise<string> {
  if (!room.startsWith("#")) return room;
  const found = await account.resolveAlias(room);
  if (!found) throw new MatrixError("not_found", `There is no room ${room}.`);
  return found.roomId;
}

/** @throws MatrixError `not_found` naming the invites there are */
async function pendingInvite(account: Account, room: string): Promise<PendingInvite> {
  const invites = await account.invites();
  const known = invites.find((invite) => invite.roomId === room || invite.canonicalAlias === room);
  if (known) return known;
  const roomId = room.startsWith("#") ? await roomIdOf(account, room) : room;
  const invite = invites.find((one) => one.roomId === roomId);
  if (invite) return invite;
  const pending = invites.map((one) => one.roomId).join(", ");
  throw new MatrixError("not_found", `There is no invite to ${room}; ${pending === "" ? "no invite waits" : `invites wait to ${pending}`}.`);
}

export const invitesList = operation({
  method: "matrix.invites.list",
  read: noParams,
  run: async (account): Promise<InvitesReport> => ({
    invites: (await account.invites()).map(({ roomId, inviter, roomName, canonicalAlias, isDirect }) => ({
      roomId,
      inviter: inviter ?? null,
      roomName: roomName ?? null,
      alias: canonicalAlias ?? null,
      direct: isDirect,
    })),
  }),
});

export const invitesAccept = operation({
  method: "matrix.invites.accept",
  read: readRoom,
  run: async (account, { room }): Promise<JoinedReport> => {
    const { roomId, inviter } = await pendingInvite(account, room);
    const server = (id: string | undefined) => (id?.includes(":") ? [id.slice(id.indexOf(":") + 1)] : []);
    await account.joinRoom(roomId, [...new Set([...server(inviter), ...server(roomId)])]);
    return { roomId, joined: true };
  },
});

export const invitesReject = operation({
  method: "matrix.invites.reject",
  read: readRoom,
  run: async (account, { room }): Promise<LeftReport> => {
    const { roomId } = await pendingInvite(account, room);
    await account.leaveRoom(roomId);
    return { roomId, left: true };
  },
});

export const roomsLeave = operation({
  method: "matrix.rooms.leave",
  read: readRoom,
  run: async (account, { room }): Promise<LeftReport> => {
    const roomId = await roomIdOf(account, room);
    await account.leaveRoom(roomId);
    return { roomId, left: true };
  },
});
