/** From an event to either a reason for silence or everything a turn needs. */
import { type MatrixRoomConfig, type ResolvedMatrixAccount, roomConfig } from "../config/accounts.ts";
import type { RoomMatch } from "../config/rooms.ts";
import type { AgentRoute, OpenClawConfig, ResolvedChannelMessageIngress } from "../host/types.ts";
import { classifyChannelInboundEvent, resolveUnmentionedGroupInboundPolicy } from "../host/inbound-kind.ts";
import { isAcpSessionKey, resolveThreadSessionKeys } from "../host/routing.ts";
import { isOwnCommand, isSessionReset } from "../config/own-commands.ts";
import type { InboundMessage, RoomInfo } from "../native/account.ts";
import { judge, resolveAccess } from "./access.ts";
import { type Bound, boundTo } from "./bound.ts";
import { classifyConversation, type Conversation } from "./conversation.ts";
import type { Drop } from "./drop.ts";
import { type ImplicitMention, implicitMentions, implicitSettings } from "./implicit.ts";
import { personLabel } from "./label.ts";
import { detectMention, type Mention, type Self, stripAddress } from "./mention.ts";
import { botMode, type DmPolicy, effectiveDmPolicy, effectiveGroupPolicy, type GroupPolicy, requiresMention, roomGate, type RoomSenders } from "./policy.ts";
import type { InboundPorts } from "./ports.ts";
import { readableText } from "./text.ts";
import { threadMode, threadTarget } from "./thread.ts";
import { approvalDrop, trustDrop } from "./trust.ts";
import { type Heard, hear, heardLine, soundOf, spokenTo } from "./voice.ts";

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
  /** The conversation is bound to this session. */
  bound?: Bound;
  /** The session a command is for, where the host would take another. */
  commandTarget?: string;
  mentioned: boolean;
  /** What stood for a mention, where nobody was named. */
  implicit: readonly ImplicitMention[];
  requireMention: boolean;
  botSender: boolean;
  access: ResolvedChannelMessageIngress;
  /** A room in which everybody may talk to the agent. */
  open: boolean;
  historyKey: string;
  historyLimit: number;
  /** A reaction to a message of ours, not a message. */
  reaction: boolean;
  /** What was heard in a voice message before it was decided on. */
  heard?: Heard;
  /** Talk in a room that the agent only listens to: it answers with its message tool, or not at all (HST-10). */
  ambient: boolean;
}

export type Preparation =
  | { kind: "answer"; turn: PreparedTurn }
  | { kind: "pair"; roomId: string; senderName: string }
  | { kind: "drop"; drop: Drop; remember?: { key: string; limit: number; senderName: string; text: string } };

/** What was found on the way to the decision, as far as it went; `openclaw matrix explain` shows it. */
export interface Findings {
  room?: RoomInfo;
  conversation?: Conversation;
  /** Key of the room's entry in `groups`, as written. */
  matched?: string;
  dmPolicy?: DmPolicy;
  groupPolicy?: GroupPolicy;
  requireMention?: boolean;
  mentioned?: boolean;
  implicit?: readonly ImplicitMention[];
  agentId?: string;
  sessionKey?: string;
}

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
function hostDefaults(cfg: OpenClawConfig): { groupPolicy?: GroupPolicy; historyLimit?: number } {
  return { groupPolicy: cfg.channels?.defaults?.groupPolicy, historyLimit: cfg.messages?.groupChat?.historyLimit };
}

/** Where a message was said, as the configuration sees it. */
export interface Place {
  room: RoomInfo;
  match: RoomMatch;
  conversation: Conversation;
  direct: boolean;
  roomEntry?: MatrixRoomConfig;
}

/** Finds the room's entry and decides whether it is a direct message. */
export async function findPlace(room: RoomInfo, resolved: ResolvedMatrixAccount, ports: Pick<InboundPorts, "names">): Promise<Place> {
  const match = roomConfig(resolved, { roomId: room.roomId, aliases: await ports.names.namesOf(room, resolved.config) });
  const listed = match.entry !== undefined && match.matched !== "*" && match.entry.enabled !== false;
  const conversation = classifyConversation(room, listed);
  const direct = conversation.kind === "direct";
  return { room, match, conversation, direct, roomEntry: direct ? undefined : match.entry };
}

/** Whether the room is one to talk in, and with whom; nothing of it counts for a direct message. */
export function gateOf(place: Place, resolved: ResolvedMatrixAccount, cfg: OpenClawConfig, path: string): ReturnType<typeof roomGate> {
  const { config } = resolved;
  return roomGate({ config, path, roomId: place.room.roomId, match: place.match, policy: effectiveGroupPolicy(config, hostDefaults(cfg).groupPolicy) });
}

export interface PrepareOptions {
  /** Takes down what is found on the way. */
  findings?: Findings;
  /** The message of ours that the event is a reaction to: that addresses us like a mention. */
  reactionTo?: string;
}

export async function prepare(event: InboundMessage, ports: InboundPorts, { findings = {}, reactionTo }: PrepareOptions = {}): Promise<Preparation> {
  const { account, path } = ports;
  const cfg = ports.cfg();
  const resolved = ports.resolved();
  const { config } = resolved;
  const early = earlyDrop(event, account.identity.userId, config.respondToNotices ?? false);
  const eventId = event.eventId;
  if (early || eventId === undefined) return dropped(early ?? { reason: "not_a_message" });

  const room = await account.roomInfo(event.roomId);
  findings.room = room;
  if (room.membership !== "join") return dropped({ reason: "not_joined" });
  const place = await findPlace(room, resolved, ports);
  findings.conversation = place.conversation;
  findings.matched = place.match.matched;
  ports.log.debug?.(`[${ports.accountId}] ${event.roomId} is ${place.conversation.kind} (${place.conversation.reason})`);
  if (await account.ignores(event.sender)) {
    return dropped({ reason: "ignored_user", hint: `${account.identity.userId} ignores the sender (m.ignored_user_list); stop ignoring them with a Matrix client` });
  }

  const botSender = ports.bots().has(event.sender);
  if (botSender && botMode(config, place.roomEntry) === "off") {
    return dropped({ reason: "configured_bot", hint: `set ${path}.allowBots to "mentions" to let this gateway's accounts talk to each other` });
  }
  const gate = place.direct ? undefined : gateOf(place, resolved, cfg, path);
  if (place.direct) findings.dmPolicy = effectiveDmPolicy(config);
  else findings.groupPolicy = effectiveGroupPolicy(config, hostDefaults(cfg).groupPolicy);
  if (gate && !gate.open) return dropped(gate.drop);
  const untrusted = await trustDrop(event, room, ports);
  if (untrusted) return dropped(untrusted);
  return decide({ event: { ...event, eventId }, place, senders: gate?.senders, botSender, reaction: reactionTo !== undefined, ports, findings });
}

interface Question {
  event: InboundMessage & { eventId: string };
  place: Place;
  /** Of a room; a direct message has none. */
  senders?: RoomSenders;
  botSender: boolean;
  /** The event is a reaction to a message of ours. */
  reaction: boolean;
  ports: InboundPorts;
  findings: Findings;
}

/**
 * Where the turn goes: agent, session and thread.
 *
 * @param own a command of the plugin's, about the binding itself: the bound session would take it for a message
 * @param reset `/new` or `/reset`
 */
function routeOf({ event, place, ports }: Question, { own, reset }: { own: boolean; reset: boolean }) {
  const { runtime, accountId } = ports;
  const { config } = ports.resolved();
  const mode = threadMode(config, place.direct, place.roomEntry);
  const route = runtime.channel.routing.resolveAgentRoute({
    cfg: ports.cfg(),
    channel: "matrix",
    accountId,
    peer: place.direct ? { kind: "direct", id: event.sender } : { kind: "channel", id: event.roomId },
  });
  const bound = own ? undefined : boundTo({ cfg: ports.cfg(), accountId, route, event, mode });
  // An ACP session is reset once its turns are over: the command that asks for it cannot be one of them.
  const commandTarget = reset && bound && isAcpSessionKey(bound.route.sessionKey) ? bound.route.sessionKey : undefined;
  if (bound && commandTarget === undefined) {
    return { route: bound.route, threadRootId: bound.threadRootId, session: { sessionKey: bound.route.sessionKey, parentSessionKey: undefined }, bound, commandTarget };
  }
  const threadRootId = bound ? bound.threadRootId : ((own ? event.threadRootId : undefined) ?? threadTarget(mode, event));
  const baseSessionKey =
    place.direct && config.dm?.sessionScope === "per-room"
      ? runtime.channel.routing.buildAgentSessionKey({ agentId: route.agentId, channel: "matrix", accountId, peer: { kind: "channel", id: event.roomId } })
      : route.sessionKey;
  const session = resolveThreadSessionKeys({ baseSessionKey, threadId: threadRootId, parentSessionKey: threadRootId ? baseSessionKey : undefined });
  return { route, threadRootId, session, bound, commandTarget: own ? session.sessionKey : commandTarget };
}

async function decide(question: Question): Promise<Preparation> {
  const { event, place, senders, botSender, reaction, ports, findings } = question;
  const { account, runtime, accountId, path } = ports;
  const { direct, roomEntry, room } = place;
  const cfg = ports.cfg();
  const { config } = ports.resolved();
  const rawText = readableText(event) ?? "";
  const { userId } = account.identity;
  const self: Self = { userId, displayName: (await account.member(event.roomId, userId).catch(() => undefined))?.displayName };
  const mention: Mention = reaction ? { mentioned: true, any: true } : detectMention(event, self);
  const text = mention.mentioned && !reaction ? stripAddress(rawText, self, event.pills) : rawText;
  const own = !reaction && isOwnCommand(text);
  const { route, threadRootId, session, bound, commandTarget } = routeOf(question, { own, reset: !reaction && isSessionReset(text) });
  findings.agentId = route.agentId;
  findings.sessionKey = session.sessionKey;
  const patterns = direct
    ? []
    : runtime.channel.mentions.buildMentionRegexes(cfg, route.agentId, {
        provider: "matrix",
        conversationId: event.roomId,
        providerPolicy: config.mentionPatterns,
      });
  const written = mention.mentioned || runtime.channel.mentions.matchesMentionPatterns(event.text, patterns);
  if (botSender && botMode(config, roomEntry) === "mentions" && !direct && !mention.mentioned) {
    return dropped({ reason: "bot_without_mention", hint: `with ${path}.allowBots "mentions" another account of this gateway is answered when it mentions this one` });
  }
  const requireMention = !direct && requiresMention(roomEntry);
  const implicit = requireMention && !written ? await implicitMentions(event, implicitSettings(config, cfg.channels?.defaults?.implicitMentions), ports) : [];
  const isCommand = own || (!reaction && runtime.channel.commands.isControlCommandMessage(text, cfg));
  const unproven = isCommand ? approvalDrop(event, text, ports) : undefined;
  if (unproven) return dropped(unproven);
  const senderName = personLabel((await account.member(event.roomId, event.sender).catch(() => undefined))?.displayName, event.sender);
  const dmPolicy = effectiveDmPolicy(config);
  const allowFrom = await ports.names.people(config.dm?.allowFrom ?? [], config);
  const roomSenders = senders && { ...senders, allowFrom: await ports.names.people(senders.allowFrom, config) };
  const unmentionedGroupPolicy = resolveUnmentionedGroupInboundPolicy({ cfg, agentId: route.agentId });
  const kindIf = (named: boolean) =>
    classifyChannelInboundEvent({
      conversation: { kind: direct ? "direct" : "channel" },
      unmentionedGroupPolicy,
      wasMentioned: named || reaction || implicit.length > 0,
      hasControlCommand: isCommand,
    });
  const accessIf = (named: boolean) =>
    resolveAccess({
      runtime,
      cfg,
      accountId,
      sender: event.sender,
      conversation: { kind: direct ? "direct" : "channel", id: event.roomId, threadId: threadRootId },
      binding: { agentId: route.agentId, sessionKey: session.sessionKey, messageId: event.eventId, inboundEventKind: kindIf(named) },
      dm: { policy: dmPolicy, allowFrom },
      ...(roomSenders ? { room: { senders: roomSenders, requireMention, mentioned: named, anyMention: mention.any || named, implicit } } : {}),
      isCommand,
    });
  const judged = { direct, path, dmPolicy, matchedRoom: place.match.matched };
  // Only what a name in it would change is listened to.
  const unheard = requireMention && !written && implicit.length === 0 && !reaction && soundOf(event) !== undefined;
  const heard =
    unheard && judge(await accessIf(true), judged).kind === "answer"
      ? await hear(event, { agentId: route.agentId, sessionKey: session.sessionKey }, ports)
      : undefined;
  const mentioned =
    written || (heard !== undefined && (spokenTo(heard.transcript, self) || runtime.channel.mentions.matchesMentionPatterns(heard.transcript, patterns)));
  Object.assign(findings, { requireMention, mentioned, implicit });
  const access = await accessIf(mentioned);
  const historyLimit = direct ? 0 : (roomEntry?.historyLimit ?? config.historyLimit ?? hostDefaults(cfg).historyLimit ?? 0);
  const historyKey = JSON.stringify([event.roomId, event.threadRootId ?? null]);

  const withHeard = (said: string) => (heard ? `${said}\n${heardLine(heard)}` : said);
  const verdict = judge(access, judged);
  if (verdict.kind === "pair") return { kind: "pair", roomId: event.roomId, senderName };
  if (verdict.kind === "drop") {
    const remember = verdict.drop.reason === "no_mention" ? { key: historyKey, limit: historyLimit, senderName, text: withHeard(rawText) } : undefined;
    return { kind: "drop", drop: verdict.drop, remember };
  }
  const { sessionKey, parentSessionKey } = session;
  return {
    kind: "answer",
    turn: {
      event,
      room,
      direct,
      roomEntry,
      isCommand,
      senderName,
      threadRootId,
      route,
      sessionKey,
      parentSessionKey,
      bound,
      commandTarget,
      mentioned,
      implicit,
      requireMention,
      botSender,
      access,
      open: senders?.policy === "open",
      historyKey,
      historyLimit,
      reaction,
      ambient: kindIf(mentioned) === "room_event",
      heard,
      rawText: withHeard(rawText),
      text: withHeard(text),
    },
  };
}
