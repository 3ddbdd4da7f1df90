/** How the host names Matrix conversations: targets, sessions and threads. */
import { resolveMatrixAccount } from "../config/accounts.ts";
import { buildChannelOutboundSessionRoute, buildThreadAwareOutboundSessionRoute } from "../host/session-route.ts";
import type { ChannelPlugin, ChannelThreadingContext, OpenClawConfig } from "../host/types.ts";
import { writeSettings } from "./settings.ts";
import { eventIdOf, normalizeTarget, parseTarget, type Target, TARGET_HINT } from "./target.ts";

/** The conversation behind a destination, as the host's sessions have it; undefined when this process cannot tell. */
export type ConversationOf = (
  cfg: OpenClawConfig,
  accountId: string | null | undefined,
  target: Target,
) => Promise<{ direct: boolean; peer: { kind: "direct" | "channel"; id: string } } | undefined>;

/** What the destination's form alone says. */
function conversationByForm(target: Target): NonNullable<Awaited<ReturnType<ConversationOf>>> {
  if (target.kind === "user") return { direct: true, peer: { kind: "direct", id: target.userId } };
  return { direct: false, peer: { kind: "channel", id: target.kind === "room" ? target.roomId : target.alias } };
}

export const createMessaging = (conversationOf: ConversationOf): NonNullable<ChannelPlugin["messaging"]> => ({
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
  resolveOutboundSessionRoute: async (params) => {
    const { cfg, agentId, accountId } = params;
    const named = params.resolvedTarget?.to ?? params.target;
    const [target, to] = [parseTarget(named), normalizeTarget(named)];
    if (!target || to === undefined) return null;
    const { direct, peer } = (await conversationOf(cfg, accountId, target)) ?? conversationByForm(target);
    const route = buildChannelOutboundSessionRoute({
      cfg,
      agentId,
      channel: "matrix",
      accountId,
      peer,
      chatType: direct ? "direct" : "channel",
      from: peer.kind === "direct" ? `matrix:${peer.id}` : `matrix:channel:${peer.id}`,
      // The host may send there: a person can have several rooms.
      to,
    });
    return buildThreadAwareOutboundSessionRoute({ route, replyToId: undefined, threadId: params.threadId, normalizeThreadId: (id) => id, currentSessionKey: params.currentSessionKey });
  },
});

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
