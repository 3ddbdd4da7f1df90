/** How the host names Matrix conversations: targets, sessions and threads. */
import { resolveMatrixAccount } from "../config/accounts.ts";
import { buildChannelOutboundSessionRoute, buildThreadAwareOutboundSessionRoute } from "../host/session-route.ts";
import type { ChannelPlugin, ChannelThreadingContext, OpenClawConfig } from "../host/types.ts";
import { writeSettings } from "./settings.ts";
import { eventIdOf, normalizeTarget, parseTarget, TARGET_HINT } from "./target.ts";

export const messaging: NonNullable<ChannelPlugin["messaging"]> = {
  targetPrefixes: ["matrix", "room", "channel", "user"],
  directTargetStyle: "user-prefixed",
  targetIdComparison: "case-sensitive",
  defaultMarkdownTableMode: "block",
  normalizeTarget: (raw) => normalizeTarget(raw),
  inferTargetChatType: ({ to }) => {
    const target = parseTarget(to);
    if (!target) return undefined;
    return target.kind === "user" ? "direct" : "channel";
  },
  targetResolver: {
    looksLikeId: (raw) => parseTarget(raw) !== undefined,
    hint: TARGET_HINT,
    resolveTarget: async ({ input }) => {
      const to = normalizeTarget(input);
      const target = parseTarget(input);
      if (to === undefined || !target) return null;
      return { to, kind: target.kind === "user" ? "user" : "channel", source: "normalized" };
    },
  },
  resolveDeliveryTarget: ({ conversationId, parentConversationId }) => {
    // A thread's conversation is its root event inside the room.
    const thread = eventIdOf(conversationId);
    const to = normalizeTarget(thread ? (parentConversationId ?? "") : conversationId);
    return to === undefined ? null : { to, threadId: thread };
  },
  resolveInboundConversation: ({ to, conversationId, threadId }) => {
    const room = parseTarget(conversationId ?? to ?? "");
    if (room?.kind !== "room") return null;
    const thread = eventIdOf(threadId);
    return thread ? { conversationId: thread, parentConversationId: room.roomId } : { conversationId: room.roomId };
  },
  resolveOutboundSessionRoute: (params) => {
    const target = parseTarget(params.resolvedTarget?.to ?? params.target);
    if (!target) return null;
    const direct = target.kind === "user";
    const id = target.kind === "user" ? target.userId : target.kind === "room" ? target.roomId : target.alias;
    const kind = direct ? ("direct" as const) : ("channel" as const);
    const route = buildChannelOutboundSessionRoute({
      cfg: params.cfg,
      agentId: params.agentId,
      channel: "matrix",
      accountId: params.accountId,
      peer: { kind, id },
      chatType: kind,
      from: direct ? `matrix:${id}` : `matrix:channel:${id}`,
      to: direct ? `user:${id}` : `room:${id}`,
    });
    return buildThreadAwareOutboundSessionRoute({ route, replyToId: undefined, threadId: params.threadId, normalizeThreadId: (id) => id, currentSessionKey: params.currentSessionKey });
  },
};

function replyToMode(cfg: OpenClawConfig, accountId?: string | null): "off" | "first" | "all" | "batched" {
  return writeSettings(resolveMatrixAccount(cfg, accountId).config).replyToMode;
}

export const threading: NonNullable<ChannelPlugin["threading"]> = {
  threadAddressing: "message",
  allowExplicitReplyTagsWhenOff: true,
  resolveReplyToMode: ({ cfg, accountId }) => replyToMode(cfg, accountId),
  buildToolContext: ({ context, hasRepliedRef }) => ({
    currentChannelId: roomOf(context),
    currentMessagingTarget: context.To?.trim() || undefined,
    currentChannelProvider: "matrix",
    currentThreadTs: context.MessageThreadId === undefined ? undefined : String(context.MessageThreadId),
    currentMessageId: context.CurrentMessageId,
    hasRepliedRef,
  }),
  /** A send into the room the agent is in stays in the thread it is in (THR-7). */
  resolveAutoThreadId: ({ to, toolContext }) => {
    const here = toolContext?.currentChannelId;
    return here !== undefined && normalizeTarget(to) === normalizeTarget(here) ? toolContext?.currentThreadTs : undefined;
  },
};

function roomOf(context: ChannelThreadingContext): string | undefined {
  const target = parseTarget(context.NativeChannelId ?? context.To ?? "");
  return target?.kind === "room" ? `room:${target.roomId}` : undefined;
}
