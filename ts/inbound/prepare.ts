/** From an event to either a reason for silence or everything a turn needs. */
import { type MatrixRoomConfig, roomConfig } from "../config/accounts.ts";
import type { AgentRoute, ResolvedChannelMessageIngress } from "../host/types.ts";
import { resolveThreadSessionKeys } from "../host/routing.ts";
import type { InboundMessage, RoomInfo } from "../native/account.ts";
import { judge, resolveAccess } from "./access.ts";
import { classifyConversation } from "./conversation.ts";
import type { Drop } from "./drop.ts";
import { detectMention, type Mention, type Self, stripAddress } from "./mention.ts";
import { botMode, effectiveDmPolicy, effectiveGroupPolicy, type GroupPolicy, requiresMention, roomGate } from "./policy.ts";
import type { InboundPorts } from "./ports.ts";
import { readableText } from "./text.ts";
import { threadMode, threadTarget } from "./thread.ts";
import { trustDrop } from "./trust.ts";

export interface PreparedTurn {
  event: InboundMessage & { eventId: string };
  room: RoomInfo;
  direct: boolean;
  roomEntry?: MatrixRoomConfig;
  /** What the sender wrote. */
  rawText: string;
  /** Without the form of address at its beginning. */
  text: string;
  isCommand: boolean;
  senderName: string;
  threadRootId?: string;
  route: AgentRoute;
  sessionKey: string;
  parentSessionKey?: string;
  mentioned: boolean;
  requireMention: boolean;
  botSender: boolean;
  access: ResolvedChannelMessageIngress;
  historyKey: string;
  historyLimit: number;
  /** A reaction to a message of ours, not a message. */
  reaction: boolean;
}

export type Preparation =
  | { kind: "answer"; turn: PreparedTurn }
  | { kind: "pair"; roomId: string; senderName: string }
  | { kind: "drop"; drop: Drop; remember?: { key: string; limit: number; senderName: string; text: string } };

function dropped(drop: Drop): Preparation {
  return { kind: "drop", drop };
}

/** What needs no room and no host to decide. */
export function earlyDrop(event: InboundMessage, self: string, respondToNotices: boolean): Drop | undefined {
  if (!event.eventId) return { reason: "not_a_message" };
  if (event.sender === self) return { reason: "own_message" };
  if (event.kind === "notice" && !respondToNotices) return { reason: "notice", hint: "set respondToNotices to answer m.notice messages" };
  if (event.kind === "unknown") return { reason: "unsupported_kind" };
  return readableText(event) === undefined ? { reason: "empty" } : undefined;
}

/** `channels.defaults.groupPolicy`, `messages.groupChat.historyLimit`: host keys that stand behind ours. */
function hostDefaults(cfg: ReturnType<InboundPorts["cfg"]>): { groupPolicy?: GroupPolicy; historyLimit?: number } {
  return { groupPolicy: cfg.channels?.defaults?.groupPolicy, historyLimit: cfg.messages?.groupChat?.historyLimit };
}

/** @param options.reactionTo the message of ours that the event is a reaction to: that addresses us like a mention */
export async function prepare(event: InboundMessage, ports: InboundPorts, options: { reactionTo?: string } = {}): Promise<Preparation> {
  const { account, runtime, accountId, path } = ports;
  const { userId } = account.identity;
  const cfg = ports.cfg();
  const resolved = ports.resolved();
  const config = resolved.config;
  const early = earlyDrop(event, userId, config.respondToNotices ?? false);
  const eventId = event.eventId;
  if (early || eventId === undefined) return dropped(early ?? { reason: "not_a_message" });
  const rawText = readableText(event) ?? "";

  const room = await account.roomInfo(event.roomId);
  if (room.membership !== "join") return dropped({ reason: "not_joined" });
  const aliases = [room.canonicalAlias, ...room.altAliases].filter((alias): alias is string => Boolean(alias));
  const match = roomConfig(resolved, { roomId: event.roomId, aliases });
  const listed = match.entry !== undefined && match.matched !== "*" && match.entry.enabled !== false;
  const conversation = classifyConversation(room, listed);
  const direct = conversation.kind === "direct";
  const roomEntry = direct ? undefined : match.entry;
  ports.log.debug?.(`[${accountId}] ${event.roomId} is ${conversation.kind} (${conversation.reason})`);

  const botSender = ports.bots().has(event.sender);
  const bots = botMode(config, roomEntry);
  if (botSender && bots === "off") {
    return dropped({ reason: "configured_bot", hint: `set ${path}.allowBots to "mentions" to let this gateway's accounts talk to each other` });
  }

  const gate = direct
    ? undefined
    : roomGate({ config, path, roomId: event.roomId, match, policy: effectiveGroupPolicy(config, hostDefaults(cfg).groupPolicy) });
  if (gate && !gate.open) return dropped(gate.drop);
  const untrusted = await trustDrop(event, room, ports);
  if (untrusted) return dropped(untrusted);

  const threadRootId = threadTarget(threadMode(config, direct, roomEntry), { eventId, threadRootId: event.threadRootId });
  const route = runtime.channel.routing.resolveAgentRoute({
    cfg,
    channel: "matrix",
    accountId,
    peer: direct ? { kind: "direct", id: event.sender } : { kind: "channel", id: event.roomId },
  });
  const baseSessionKey =
    direct && config.dm?.sessionScope === "per-room"
      ? runtime.channel.routing.buildAgentSessionKey({ agentId: route.agentId, channel: "matrix", accountId, peer: { kind: "channel", id: event.roomId } })
      : route.sessionKey;
  const session = resolveThreadSessionKeys({ baseSessionKey, threadId: threadRootId, parentSessionKey: threadRootId ? baseSessionKey : undefined });

  const self: Self = { userId, displayName: (await account.member(event.roomId, userId).catch(() => undefined))?.displayName };
  const reaction = options.reactionTo !== undefined;
  const mention: Mention = reaction ? { mentioned: true, any: true } : detectMention(event, self);
  const patterns = direct
    ? []
    : runtime.channel.mentions.buildMentionRegexes(cfg, route.agentId, {
        provider: "matrix",
        conversationId: event.roomId,
        providerPolicy: config.mentionPatterns,
      });
  const mentioned = mention.mentioned || runtime.channel.mentions.matchesMentionPatterns(event.text, patterns);
  if (botSender && bots === "mentions" && !direct && !mention.mentioned) return dropped({ reason: "bot_without_mention" });

  const text = mention.mentioned && !reaction ? stripAddress(rawText, self, event.pills) : rawText;
  const isCommand = !reaction && runtime.channel.commands.isControlCommandMessage(text, cfg);
  const requireMention = !direct && requiresMention(roomEntry);
  const senderName = (await account.member(event.roomId, event.sender).catch(() => undefined))?.displayName ?? event.sender;
  const dmPolicy = effectiveDmPolicy(config);
  const access = await resolveAccess({
    runtime,
    cfg,
    accountId,
    sender: event.sender,
    conversation: { kind: direct ? "direct" : "channel", id: event.roomId, threadId: threadRootId },
    binding: { agentId: route.agentId, sessionKey: session.sessionKey, messageId: eventId },
    dm: { policy: dmPolicy, allowFrom: (config.dm?.allowFrom ?? []).map(String) },
    ...(gate?.open ? { room: { senders: gate.senders, requireMention, mentioned, anyMention: mention.any } } : {}),
    isCommand,
  });
  const historyLimit = direct ? 0 : (roomEntry?.historyLimit ?? config.historyLimit ?? hostDefaults(cfg).historyLimit ?? 0);
  const historyKey = JSON.stringify([event.roomId, event.threadRootId ?? null]);

  const verdict = judge(access, { direct, path, dmPolicy, matchedRoom: match.matched });
  if (verdict.kind === "pair") return { kind: "pair", roomId: event.roomId, senderName };
  if (verdict.kind === "drop") {
    const remember = verdict.drop.reason === "no_mention" ? { key: historyKey, limit: historyLimit, senderName, text: rawText } : undefined;
    return { kind: "drop", drop: verdict.drop, remember };
  }
  return {
    kind: "answer",
    turn: {
      event: { ...event, eventId },
      room,
      direct,
      roomEntry,
      rawText,
      text,
      isCommand,
      senderName,
      threadRootId,
      route,
      sessionKey: session.sessionKey,
      parentSessionKey: session.parentSessionKey,
      mentioned,
      requireMention,
      botSender,
      access,
      historyKey,
      historyLimit,
      reaction,
    },
  };
}
