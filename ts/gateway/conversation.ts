/** Which conversation a destination is, so that what is sent there belongs to the session that answers there (SES-8). */
import { resolveMatrixAccount } from "../config/accounts.ts";
import type { OpenClawConfig } from "../host/types.ts";
import { findPlace } from "../inbound/prepare.ts";
import type { ConversationOf } from "../outbound/messaging.ts";
import type { Target } from "../outbound/target.ts";
import { runningAccount } from "./registry.ts";

/** The running account knows what rooms are; undefined where none runs, and for a room it is not in. */
export async function conversationOf(cfg: OpenClawConfig, accountId: string | null | undefined, target: Target): ReturnType<ConversationOf> {
  const inbound = runningAccount(resolveMatrixAccount(cfg, accountId).accountId)?.inbound;
  if (!inbound) return undefined;
  const { account } = inbound;
  const resolved = inbound.resolved();
  const perRoom = resolved.config.dm?.sessionScope === "per-room";
  if (target.kind === "user") {
    const roomId = perRoom ? await account.findDm(target.userId) : undefined;
    return roomId === undefined ? undefined : { direct: true, peer: { kind: "channel", id: roomId } };
  }
  const roomId = target.kind === "room" ? target.roomId : (await account.resolveAlias(target.alias))?.roomId;
  const room = roomId === undefined ? undefined : await account.roomInfo(roomId).catch(() => undefined);
  if (!room) return undefined;
  const { direct } = await findPlace(room, resolved, inbound);
  const person = room.otherMembers.find((member) => !room.serviceMembers.includes(member)) ?? room.directTargets[0];
  const peer = direct && !perRoom && person !== undefined ? ({ kind: "direct", id: person } as const) : ({ kind: "channel", id: room.roomId } as const);
  return { direct, peer };
}
