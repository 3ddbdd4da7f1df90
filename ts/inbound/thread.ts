/** In which thread a reply goes and which session it belongs to (THR-1, THR-2, SES-3). */
import type { MatrixAccountConfig, MatrixRoomConfig } from "../config/accounts.ts";

export type ThreadMode = "off" | "inbound" | "always";

/** The mode in force: the room's, for DMs the DM's, else the account's. */
export function threadMode(config: MatrixAccountConfig, direct: boolean, room?: MatrixRoomConfig): ThreadMode {
  const base = config.threadReplies ?? "inbound";
  return direct ? (config.dm?.threadReplies ?? base) : (room?.threadReplies ?? base);
}

/** The root of the thread the reply and its session belong to; undefined for the main timeline. */
export function threadTarget(mode: ThreadMode, event: { eventId: string; threadRootId?: string }): string | undefined {
  if (mode === "off") return undefined;
  if (mode === "always") return event.threadRootId ?? event.eventId;
  return event.threadRootId;
}
