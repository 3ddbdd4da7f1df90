/** `openclaw matrix direct inspect` and `repair`. */
import { type DirectReport, directInspect, directRepair } from "../operations/direct.ts";
import { accountCommand } from "./account-command.ts";
import { requiredOption } from "./options.ts";
import type { CommandOptions } from "./run.ts";
import { inline, yesNo } from "./text.ts";

export interface DirectOptions extends CommandOptions {
  userId?: string;
}

/** Members of a few dozen rooms may have to be asked for. */
const DIRECT_MS = 120_000;

const params = (options: DirectOptions) => ({ userId: requiredOption(options.userId, "--user-id <id>") });

function roomLines(report: DirectReport): string[] {
  const mapped = report.mappedRooms.map(({ roomId, strict, joinedMembers }) => {
    const members = joinedMembers === null ? "this account is not in it" : `${joinedMembers.length} joined`;
    return `  ${inline(roomId)}: ${strict ? "strict" : "not strict"}, ${members}${roomId === report.activeRoomId ? ", in use" : ""}`;
  });
  const found = report.discoveredStrictRoomIds.map((roomId) => `  ${inline(roomId)}: strict${roomId === report.activeRoomId ? ", in use" : ""}`);
  return [
    `${report.selfUserId} and ${report.remoteUserId}`,
    mapped.length > 0 ? "Rooms that m.direct names:" : "m.direct names no room.",
    ...mapped,
    ...(found.length > 0 ? ["Rooms that it could name, with nobody else in them:", ...found] : []),
  ];
}

export const inspect = accountCommand({
  operation: directInspect,
  params,
  timeoutMs: () => DIRECT_MS,
  lines: (report) => {
    const first = report.mappedRoomIds[0];
    const right = report.activeRoomId !== null && report.activeRoomId === first;
    return [
      ...roomLines(report),
      report.activeRoomId === null ? "In use: none; a message makes a new room." : `In use: ${report.activeRoomId}`,
      ...(right ? [] : [`Next: \`openclaw matrix direct repair --user-id ${report.remoteUserId}\` puts m.direct right.`]),
    ];
  },
});

export const repair = accountCommand({
  operation: directRepair,
  params,
  timeoutMs: () => DIRECT_MS,
  lines: (report) => [
    report.createdRoomId !== null
      ? `Made a new room and invited ${report.remoteUserId}: ${report.createdRoomId}`
      : report.changed
        ? `Repaired: m.direct begins with ${report.activeRoomId ?? "?"} for ${report.remoteUserId}`
        : "Nothing to repair.",
    `Encrypted: ${yesNo(report.encrypted)}`,
    ...roomLines(report),
  ],
});
