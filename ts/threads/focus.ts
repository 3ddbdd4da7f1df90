/**
 * `/focus <session>` and `/unfocus`: a person lets a conversation talk to a subagent's or an ACP session, and
 * takes it back. A command at the top of a room begins a thread for it; in a thread it binds that thread.
 */
import {
  formatThreadBindingDisabledError,
  formatThreadBindingSpawnDisabledError,
  getSessionBindingService,
  resolveThreadBindingIdleTimeoutMsForChannel,
  resolveThreadBindingIntroText,
  resolveThreadBindingMaxAgeMsForChannel,
  resolveThreadBindingSpawnPolicy,
} from "../host/bindings.ts";
import type { ChatCommandContext, PluginRuntime } from "../host/types.ts";
import { conversationOf } from "./conversation.ts";

/** A session that a conversation can be bound to. */
interface Target {
  sessionKey: string;
  agentId: string;
  kind: "subagent" | "session";
  label?: string;
  /** Begun from the session that asks. */
  own: boolean;
}

type Context = Pick<ChatCommandContext, "args" | "config" | "accountId" | "agentId" | "sessionKey" | "senderId" | "to" | "messageThreadId">;

const USAGE = "Usage: /focus <session>, with a session's label, the end of its key, or its whole key; /agents and /subagents list them.";

/** Sessions of subagents and of ACP, of every agent that is configured. */
function targets({ config, agentId, sessionKey }: Context, runtime: Pick<PluginRuntime, "agent">): Target[] {
  const agents = new Set([agentId ?? "main", ...Object.keys(config.agents?.entries ?? {})]);
  return [...agents].flatMap((agent) =>
    runtime.agent.session.listSessionEntries({ agentId: agent, readOnly: true }).flatMap(({ sessionKey: key, entry }): Target[] => {
      const kind = /^agent:([^:]+):(subagent|acp):/.exec(key);
      if (!kind?.[1]) return [];
      return [{ sessionKey: key, agentId: kind[1], kind: kind[2] === "subagent" ? "subagent" : "session", label: entry.label, own: entry.spawnedBy !== undefined && entry.spawnedBy === sessionKey }];
    }),
  );
}

/**
 * The session a person means. A label or a part of a key finds sessions that this conversation has begun and no
 * other's: who knows a whole key has it from a list they were shown.
 */
export function findTarget(all: readonly Target[], token: string): Target | "unknown" | "ambiguous" {
  const exact = all.find((target) => target.sessionKey === token);
  if (exact) return exact;
  const wanted = token.toLowerCase();
  const own = all.filter((target) => target.own);
  const named = own.filter((target) => target.label?.toLowerCase() === wanted);
  const found = named.length > 0 ? named : wanted.length < 4 ? [] : own.filter((target) => target.sessionKey.split(":").at(-1)?.startsWith(wanted) || target.sessionKey.endsWith(wanted));
  if (found.length > 1) return "ambiguous";
  return found[0] ?? "unknown";
}

export async function focus(ctx: Context, runtime: Pick<PluginRuntime, "agent">): Promise<string> {
  const { config: cfg, accountId = "default", args, senderId } = ctx;
  const conversation = conversationOf(ctx.to, ctx.messageThreadId);
  if (!conversation) return "⚠️ /focus works in a Matrix room, a direct message or a thread.";
  const token = args?.trim() ?? "";
  const all = targets(ctx, runtime);
  if (token === "") {
    const own = all.filter((target) => target.own).map((target) => `- ${target.label ?? "(no label)"}: ${target.sessionKey}`);
    return [USAGE, ...(own.length > 0 ? ["Sessions of this conversation:", ...own] : [])].join("\n");
  }
  const target = findTarget(all, token);
  if (target === "ambiguous") return `⚠️ Several sessions match "${token}"; give more of the key. ${USAGE}`;
  if (target === "unknown") return `⚠️ No subagent or ACP session of this conversation matches "${token}". ${USAGE}`;

  const kind = target.kind === "subagent" ? "subagent" : "acp";
  const policy = resolveThreadBindingSpawnPolicy({ cfg, channel: "matrix", accountId, kind });
  const child = conversation.parentConversationId === undefined;
  if (!policy.enabled) return `⚠️ ${formatThreadBindingDisabledError({ channel: "matrix", accountId, kind })}`;
  if (child && !policy.spawnEnabled) return `⚠️ ${formatThreadBindingSpawnDisabledError({ channel: "matrix", accountId, kind })} In a thread, /focus binds that thread.`;
  const service = getSessionBindingService();
  const existing = child ? null : await service.resolveByConversationAsync({ channel: "matrix", accountId, ...conversation });
  const owner = ownerOf(existing?.metadata);
  if (owner !== undefined && owner !== senderId) return `⚠️ Only ${owner} can bind this thread to another session.`;
  const scope = { cfg, channel: "matrix", accountId };
  const introText = resolveThreadBindingIntroText({
    agentId: target.agentId,
    label: target.label,
    idleTimeoutMs: resolveThreadBindingIdleTimeoutMsForChannel(scope),
    maxAgeMs: resolveThreadBindingMaxAgeMsForChannel(scope),
  });
  try {
    await service.bind({
      targetSessionKey: target.sessionKey,
      targetKind: target.kind,
      conversation: { channel: "matrix", accountId, ...conversation },
      placement: child ? "child" : "current",
      metadata: { agentId: target.agentId, label: target.label, boundBy: senderId ?? "system", introText },
    });
  } catch (error) {
    return `⚠️ Not bound: ${error instanceof Error ? error.message : String(error)}`;
  }
  return `✅ ${child ? "A new thread" : "This thread"} talks to ${target.label ?? target.sessionKey} now; /unfocus in it ends that.`;
}

export async function unfocus({ accountId = "default", to, messageThreadId, senderId }: Context): Promise<string> {
  const conversation = conversationOf(to, messageThreadId);
  if (!conversation) return "⚠️ /unfocus works in a Matrix room, a direct message or a thread.";
  const service = getSessionBindingService();
  const binding = await service.resolveByConversationAsync({ channel: "matrix", accountId, ...conversation });
  if (!binding) return "ℹ️ This conversation is not bound to a session.";
  const owner = ownerOf(binding.metadata);
  if (owner !== undefined && owner !== senderId) return `⚠️ Only ${owner} can unbind this conversation.`;
  await service.unbind({ bindingId: binding.bindingId, scope: binding.conversation, reason: "manual" });
  return "✅ Conversation unbound.";
}

/** The person who bound it; what the host has bound anybody may take back. */
function ownerOf(metadata: Record<string, unknown> | undefined): string | undefined {
  const by = metadata?.boundBy;
  return typeof by === "string" && by !== "" && by !== "system" && by !== "unknown" ? by : undefined;
}
