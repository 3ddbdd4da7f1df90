/**
 * Conversations that are bound to a session: by a command or a spawn while the gateway runs, or by
 * `bindings[]` in the configuration. A binding has the last word about session and thread.
 */
import { type ConfiguredBinding, ensureConfiguredBindingRouteReady, getSessionBindingService, resolveConfiguredBindingRoute, resolveRuntimeConversationBindingRoute } from "../host/bindings.ts";
import type { AgentRoute, OpenClawConfig } from "../host/types.ts";
import { UnansweredTurn } from "./failure.ts";
import type { ThreadMode } from "./thread.ts";

/** A bound conversation and where its messages go. */
export interface Bound {
  route: AgentRoute;
  /** The thread to answer in: the bound one, or that of a message in a bound room. */
  threadRootId?: string;
  /** Bound while the gateway runs: each message keeps the binding alive. */
  bindingId?: string;
  configured?: ConfiguredBinding;
}

interface Where {
  cfg: OpenClawConfig;
  accountId: string;
  route: AgentRoute;
  event: { roomId: string; threadRootId?: string };
  mode: ThreadMode;
}

/**
 * A thread's own binding comes first. Without one a thread is a conversation of its own, unless `threadReplies` is
 * off, or the room is bound by the configuration.
 */
export function boundTo({ cfg, accountId, route, event, mode }: Where): Bound | undefined {
  const { roomId, threadRootId } = event;
  const flat = threadRootId === undefined || mode === "off";
  const inRoom = { channel: "matrix", accountId, conversationId: roomId };
  const inThread = threadRootId === undefined ? undefined : { ...inRoom, conversationId: threadRootId, parentConversationId: roomId };

  for (const conversation of [inThread, flat ? inRoom : undefined]) {
    if (!conversation) continue;
    const found = resolveRuntimeConversationBindingRoute({ route, touchBinding: false, conversation });
    if (found.boundSessionKey === undefined || !found.bindingRecord) continue;
    return { route: found.route, bindingId: found.bindingRecord.bindingId, threadRootId: conversation === inThread ? threadRootId : undefined };
  }
  const found = resolveConfiguredBindingRoute({ cfg, route, conversation: inThread ?? inRoom });
  if (found.boundSessionKey === undefined || !found.bindingResolution) return undefined;
  const own = found.bindingResolution.match.conversationId === threadRootId;
  return { route: found.route, configured: found.bindingResolution, threadRootId: own || mode !== "off" ? threadRootId : undefined };
}

/**
 * Before the turn: the binding lives on, and a configured one's session is there.
 *
 * @throws UnansweredTurn when it is not
 */
export async function enterBound({ bindingId, configured, threadRootId }: Bound, on: { cfg: OpenClawConfig; accountId: string; roomId: string }): Promise<void> {
  const { cfg, accountId, roomId } = on;
  if (bindingId !== undefined) getSessionBindingService().touch(bindingId, undefined, { channel: "matrix", accountId });
  if (!configured) return;
  const ready = await ensureConfiguredBindingRouteReady({ cfg, bindingResolution: configured });
  if (!ready.ok) throw new UnansweredTurn(`⚠️ The session this conversation is bound to by bindings[] is not there: ${ready.error}`, { roomId, threadRootId });
}
