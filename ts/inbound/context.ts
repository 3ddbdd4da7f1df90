/** The prompt's side of a message: who, where, in answer to what. */
import { messageIdOf } from "../host/message-id.ts";
import type { HistoryEntry, InboundContext, InboundMediaFacts } from "../host/types.ts";
import type { InboundSkipped } from "../native/account.ts";
import type { InboundPorts } from "./ports.ts";
import type { PreparedTurn } from "./prepare.ts";
import { locationContext } from "./location.ts";
import { mediaFacts, type TakenFile } from "./media.ts";
import type { PendingEntry } from "./history.ts";
import { disarmed, roomLabel, topicLine } from "./label.ts";
import { localpart } from "./mention.ts";
import type { Quote } from "./quote.ts";
import { skippedContext } from "./skipped.ts";
import { withProblems } from "./text.ts";

/**
 * The text for the agent, with the event's id so that it can react, reply and
 * quote (SES-13). Lines in brackets are ours; a text that has such a line of its
 * own does not pass it off as one.
 */
export function textForAgent(text: string, event: { eventId: string; roomId: string }): string {
  return `${disarmed(text)}\n[matrix event id: ${event.eventId} room: ${event.roomId}]`;
}

/** Whether this session has had a turn before. */
function sessionIsNew(turn: PreparedTurn, ports: InboundPorts): boolean {
  const storePath = ports.runtime.agent.session.resolveStorePath(ports.cfg().session?.store, { agentId: turn.route.agentId });
  return ports.runtime.channel.session.readSessionUpdatedAt({ storePath, sessionKey: turn.sessionKey }) === undefined;
}

async function threadStarter(turn: PreparedTurn, ports: InboundPorts): Promise<Quote | undefined> {
  const { event, threadRootId } = turn;
  if (!threadRootId || threadRootId === event.eventId || !sessionIsNew(turn, ports)) return undefined;
  return ports.quotes.find(event.roomId, threadRootId);
}

/** What was said before, without those whom `contextVisibility` leaves out (HIS-2); the host filters quote and thread itself. */
function visibleHistory(turn: PreparedTurn, ports: InboundPorts, history: readonly PendingEntry[]): HistoryEntry[] {
  const visibility = ports.resolved().config.contextVisibility ?? ports.cfg().channels?.defaults?.contextVisibility ?? "all";
  return history
    .filter(({ senderId }) => visibility === "all" || senderAllowed(turn, senderId, ports))
    .map(({ senderId: _senderId, ...entry }) => entry);
}

/** Facts of a room that its members chose: data for the agent, never instructions. */
function roomFacts(turn: PreparedTurn): { label: string; source: string; type: string; payload: unknown }[] {
  const topic = topicLine(turn.room.topic);
  if (turn.direct || topic === undefined) return [];
  return [{ label: "Matrix room", source: "matrix", type: "room", payload: { name: roomLabel(turn.room), topic } }];
}

/** What belongs to a turn beside its message. */
export interface Surroundings {
  history: readonly PendingEntry[];
  skipped: readonly InboundSkipped[];
  /** The message's own. */
  files: readonly TakenFile[];
}

export async function buildContext(turn: PreparedTurn, ports: InboundPorts, { history, skipped, files }: Surroundings): Promise<InboundContext> {
  const { event, direct, threadRootId, route } = turn;
  const config = ports.resolved().config;
  const quoted = event.replyToId ? await ports.quotes.find(event.roomId, event.replyToId) : undefined;
  const starter = await threadStarter(turn, ports);
  const label = direct ? turn.senderName : roomLabel(turn.room);
  const visible = visibleHistory(turn, ports, history);
  const rawText = withProblems(turn.rawText, files);
  const text = withProblems(turn.text, files);
  return ports.runtime.channel.inbound.buildContext({
    channel: "matrix",
    accountId: ports.accountId,
    messageId: messageIdOf(event.eventId, ports.failures.get(event.seq) ?? 0),
    timestamp: event.originServerTs,
    from: direct ? `matrix:${event.sender}` : `matrix:channel:${event.roomId}`,
    sender: { id: event.sender, name: turn.senderName, username: localpart(event.sender), isBot: turn.botSender },
    conversation: {
      kind: direct ? "direct" : "channel",
      id: event.roomId,
      label,
      nativeChannelId: event.roomId,
      threadId: threadRootId,
    },
    route: {
      agentId: route.agentId,
      dmScope: route.dmScope,
      accountId: ports.accountId,
      routeSessionKey: turn.sessionKey,
      // A thread takes over the model chosen for its room, not the room's transcript.
      modelParentSessionKey: turn.parentSessionKey,
      mainSessionKey: route.mainSessionKey,
    },
    reply: {
      to: `room:${event.roomId}`,
      originatingTo: `room:${event.roomId}`,
      nativeChannelId: event.roomId,
      replyToId: threadRootId ? undefined : event.replyToId,
      messageThreadId: threadRootId,
    },
    message: {
      inboundEventKind: turn.ambient ? "room_event" : "user_request",
      body: rawText,
      rawBody: rawText,
      commandBody: text,
      bodyForAgent: turn.isCommand ? text : [...skipped.map(skippedContext), textForAgent(text, event)].join("\n"),
      senderLabel: turn.senderName,
      inboundHistory: visible.length > 0 ? visible : undefined,
    },
    sessionTranscript: { historyLimit: turn.historyLimit },
    access: {
      commands: { authorized: turn.access.commandAccess.authorized },
      ...(direct
        ? {}
        : {
            mentions: {
              canDetectMention: true,
              wasMentioned: turn.mentioned,
              implicitMentionKinds: [...turn.implicit],
              effectiveWasMentioned: turn.mentioned || turn.implicit.length > 0,
              requireMention: turn.requireMention,
              mentionedUserIds: event.mentions?.userIds,
            },
          }),
    },
    media: mediaFacts(files, event.eventId, turn.heard?.file),
    contextVisibility: config.contextVisibility,
    // The host asks for a quoted message's files once it has decided that it may be seen.
    resolveSupplementalMedia: true,
    supplemental: {
      quote: quoted && {
        id: event.replyToId,
        body: quoted.text,
        sender: quoted.label,
        senderAllowed: senderAllowed(turn, quoted.sender, ports),
        media: quoted.media.length > 0 ? () => quotedFacts(quoted, ports) : undefined,
      },
      thread: starter && { id: threadRootId, starterBody: `${starter.label}: ${starter.text}`, senderAllowed: senderAllowed(turn, starter.sender, ports) },
      channelStructuredContext: roomFacts(turn),
      groupSystemPrompt: turn.roomEntry?.systemPrompt?.trim() || undefined,
    },
    channelIngress: turn.access,
    extra: {
      // A target beside the turn's own session is what the host takes of a native command alone.
      ...(turn.commandTarget === undefined ? { CommandSource: "text" } : { CommandSource: "native", CommandTargetSessionKey: turn.commandTarget }),
      ...(event.kind === "location" ? locationContext(event.geoUri, event.text.trim()) : undefined),
      ...(turn.roomEntry?.replyToMode ? { ReplyToMode: turn.roomEntry.replyToMode } : {}),
      ...(direct ? { NativeDirectUserId: event.sender } : { GroupSubject: label, GroupId: event.roomId }),
    },
  });
}

/** Files of a quoted message; one that cannot be had is missed by nobody who sees its line. */
async function quotedFacts({ eventId, media }: Quote, ports: InboundPorts): Promise<InboundMediaFacts[]> {
  return mediaFacts(await Promise.all(media.map((info) => ports.takeFile(info))), eventId);
}

/** Whether the quoted person could have asked the agent too; the host's context filter goes by it. */
function senderAllowed(turn: PreparedTurn, sender: string, ports: InboundPorts): boolean {
  if (sender === ports.account.identity.userId || sender === turn.event.sender) return true;
  const { effectiveAllowFrom, effectiveGroupAllowFrom } = turn.access.senderAccess;
  const allowed = turn.direct ? effectiveAllowFrom : effectiveGroupAllowFrom;
  return turn.open || allowed.includes("*") || allowed.includes(sender);
}
