/** What a heartbeat shows while it works: somebody types (STA-6). */
import type { ChannelPlugin } from "../host/types.ts";
import type { FindAccount } from "./adapter.ts";
import { parseTarget } from "./target.ts";

/** The homeserver forgets a typing notice after this long; the host renews it before. */
const TYPING_MS = 30_000;

type Heartbeat = NonNullable<ChannelPlugin["heartbeat"]>;
type Typing = Parameters<NonNullable<Heartbeat["sendTyping"]>>[0];

export function createHeartbeat(find: FindAccount): Heartbeat {
  const show = async ({ cfg, to, accountId }: Typing, typing: boolean, allowed: () => void = () => undefined): Promise<void> => {
    const { account } = find(cfg, accountId);
    const target = parseTarget(to);
    // Nothing is begun for a notice: who has no room yet sees none.
    const roomId =
      target?.kind === "room" ? target.roomId : target?.kind === "user" ? await account.findDm(target.userId) : target && (await account.resolveAlias(target.alias))?.roomId;
    if (roomId === undefined) return;
    allowed();
    await account.setTyping(roomId, typing, typing ? TYPING_MS : undefined);
  };
  return {
    checkReady: async ({ cfg, accountId }) => {
      try {
        find(cfg, accountId);
        return { ok: true, reason: "running" };
      } catch (error) {
        return { ok: false, reason: error instanceof Error ? error.message : String(error) };
      }
    },
    sendTyping: (params) => show(params, true),
    sendTypingGuarded: ({ signal, assertPlatformSendAuthorized, ...params }) =>
      show(params, true, () => {
        signal.throwIfAborted();
        assertPlatformSendAuthorized();
      }),
    clearTyping: (params) => show(params, false),
  };
}
