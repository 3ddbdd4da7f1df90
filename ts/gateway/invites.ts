/** What becomes of an invite: judged, and joined with patience (INV-1 … INV-5). */
import { setTimeout } from "node:timers/promises";
import { type InviteRules, judgeInvite, viaServers } from "../inbound/invite.ts";
import type { InboundPorts } from "../inbound/ports.ts";
import type { InboundInvite } from "../native/account.ts";
import { isMatrixError, type MatrixErrorCode } from "../native/errors.ts";

/** Tries before the inbox rests the invite; with its three rounds about ten minutes. */
const TRIES = 8;

/** Waiting may cure these: another homeserver of the room is down, or ours is. */
const PASSING: ReadonlySet<MatrixErrorCode> = new Set(["network", "timeout", "rate_limited", "not_found", "internal"]);

export function inviteRules(ports: InboundPorts): InviteRules {
  const { account, accountId, path, runtime } = ports;
  return {
    config: ports.resolved().config,
    path,
    resolveAlias: (alias) => account.resolveAlias(alias),
    paired: () => runtime.channel.pairing.readAllowFromStore({ channel: "matrix", accountId }),
    replacementOf: async (roomId) => (await account.roomInfo(roomId).catch(() => undefined))?.replacementRoomId,
  };
}

/** @throws what the join failed with; the invite then comes again */
export async function handleInvite(invite: InboundInvite, ports: InboundPorts, delay: (attempt: number) => number): Promise<void> {
  const { account, accountId } = ports;
  const by = `invite to ${invite.roomId} from ${invite.sender}`;
  if (await account.ignores(invite.sender)) {
    ports.log.info(`[${accountId}] ${by} left pending (ignored_user); ${account.identity.userId} ignores the inviter (m.ignored_user_list)`);
    return;
  }
  const verdict = await judgeInvite(invite, inviteRules(ports));
  if (!verdict.accept) {
    ports.log.info(`[${accountId}] ${by} left pending (invite_not_allowed); ${verdict.hint}, or run \`openclaw matrix invites accept ${invite.roomId} --account ${accountId}\``);
    return;
  }
  const via = viaServers(invite, verdict.via);
  for (let tries = 1; ; tries++) {
    try {
      await account.joinRoom(invite.roomId, via);
      break;
    } catch (error) {
      if (!isMatrixError(error) || error.code === "closed") throw error;
      if (!(await stillInvited(invite.roomId, ports))) {
        ports.log.info(`[${accountId}] ${by} is gone: ${error.message}`);
        return;
      }
      if (tries >= TRIES || !PASSING.has(error.code)) throw error;
      if (tries === 1) ports.log.warn(`[${accountId}] could not join ${invite.roomId} yet, trying again: ${error.message}`);
      await setTimeout(delay(tries), undefined, { ref: false });
    }
  }
  ports.log.info(`[${accountId}] joined ${invite.roomId} (autoJoin: ${verdict.why})`);
}

/** Withdrawn invites and rooms joined otherwise need no second try; without an answer it is tried. */
async function stillInvited(roomId: string, ports: InboundPorts): Promise<boolean> {
  const room = await ports.account.roomInfo(roomId).catch(() => undefined);
  return room === undefined || room.membership === "invite";
}
