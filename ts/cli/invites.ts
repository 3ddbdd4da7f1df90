/** `openclaw matrix invites …` and `openclaw matrix rooms leave` (INV-5). */
import { bareRoom, invitesAccept, invitesList, invitesReject, roomsLeave } from "../operations/invites.ts";
import { accountCommand } from "./account-command.ts";
import { requiredOption } from "./options.ts";
import type { CommandOptions } from "./run.ts";
import { inline, table, yesNo } from "./text.ts";

/** A join waits for the room's other homeservers. */
const JOIN_MS = 200_000;

function room(_options: CommandOptions, [given]: string[]): { room: string } {
  return { room: bareRoom(requiredOption(given, "the room's id (!…) or alias (#…)")) };
}

export const list = accountCommand({
  operation: invitesList,
  params: () => ({}),
  lines: ({ invites }) => {
    if (invites.length === 0) return ["No invites wait."];
    const rows = invites.map((invite) => [invite.roomId, invite.inviter ?? "?", invite.roomName ?? invite.alias ?? "", yesNo(invite.direct)]);
    return [...table(["Room", "From", "Name", "Direct"], rows), "", "Next: `openclaw matrix invites accept <room>` or `… reject <room>`."];
  },
});

export const accept = accountCommand({
  operation: invitesAccept,
  params: room,
  timeoutMs: () => JOIN_MS,
  lines: ({ roomId }) => [`Joined ${inline(roomId)}.`],
});

export const reject = accountCommand({
  operation: invitesReject,
  params: room,
  lines: ({ roomId }) => [`Rejected the invite to ${inline(roomId)}.`],
});

export const leave = accountCommand({
  operation: roomsLeave,
  params: room,
  lines: ({ roomId }) => [`Left ${inline(roomId)}.`],
});
