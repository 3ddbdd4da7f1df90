/** The prompt's side of a message: who, where, in answer to what. */
import { messageIdOf } from "../host/message-id.ts";
import type { HistoryEntry, InboundContext } from "../host/types.ts";
import type { InboundSkipped } from "../native/account.ts";
import type { InboundPorts } from "./ports.ts";
import type { PreparedTurn } from "./prepare.ts";
import { localpart } from "./mention.ts";
import { skippedContext } from "./skipped.ts";

/** Name of the room for people: its name, its alias, else its id. */
function roomLabel(turn: PreparedTurn): string {
  return turn.room.name?.trim() || turn.room.canonicalAlias || turn.room.roomId;
}

/**
 * The text for the agent, with the event's id so that it can react, reply and
 * quote (SES-13).
 */
export function textForAgent(text: string, event: { eventId: string; roomId: string }): string {
  return `${text}\n[matrix event id: ${event.eventId} room: ${event.roomId}]`;
}

/** Whether this session has had a turn before. */
function sessionIsNew(turn: PreparedTurn, ports: InboundPorts): boolean {
  const storePath = ports.runtime.agent.session.resolveStorePath(ports.cfg().session?.store, { agentId: turn.route.agentId });
  return ports.runtime.channel.session.readSessionUpdatedAt({ storePath, sessionKey: turn.sessionKey }) === undefined;
}

async function threadStarter(turn: PreparedTurn, ports: InboundPorts): Promise<string | undefined> {
  const { event, threadRootId } = turn;
  if (!threadRootId || threadRootId === event.eventId || !sessionIsNew(turn, ports)) return undefined;
  const root = await ports.quotes.find(event.roomId, threadRootId);
  return root && `${root.label}: ${root.text}`;
}

export async function buildContext(
  turn: PreparedTurn,
  ports: InboundPorts,
  history: readonly HistoryEntry[],
  skipped: readonly InboundSkipped[],
): Promise<InboundContext> {
  const { event, direct, threadRootId, route } = turn;
  const config = ports.resolved().config;
  const quoted = event.replyToId ? await ports.quotes.find(event.roomId, event.replyToId) : undefined;
  const starter = await threadStarter(turn, ports);
  const label = direct ? turn.senderName : roomLabel(turn);
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
      inboundEventKind: "user_request",
      body: turn.rawText,
      rawBody: turn.rawText,
      commandBody: turn.text,
      bodyForAgent: turn.isCommand ? turn.text : [...skipped.map(skippedContext), textForAgent(turn.text, event)].join("\n"),
      senderLabel: turn.senderName,
      inboundHistory: history.length > 0 ? [...history] : undefined,
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
              requireMention: turn.requireMention,
              mentionedUserIds: event.mentions?.userIds,
            },
          }),
    },
    contextVisibility: config.contextVisibility,
    supplemental: {
      quote: quoted && { id: event.replyToId, body: quoted.text, sender: quoted.label, senderAllowed: senderAllowed(turn, quoted.sender, ports) },
      thread: starter === undefined ? undefined : { id: threadRootId, starterBody: starter, senderAllowed: true },
      groupSystemPrompt: turn.roomEntry?.systemPrompt?.trim() || undefined,
    },
    channelIngress: turn.access,
    extra: {
      CommandSource: "text",
      ...(direct ? { NativeDirectUserId: event.sender } : { GroupSubject: label, GroupId: event.roomId }),
    },
  });
}

/** Whether the quoted person could have asked the agent too; the host's context filter goes by it. */
function senderAllowed(turn: PreparedTurn, sender: string, ports: InboundPorts): boolean {
  if (sender === ports.account.identity.userId || sender === turn.event.sender) return true;
  const { effectiveAllowFrom, effectiveGroupAllowFrom } = turn.access.senderAccess;
  const allowed = turn.direct ? effectiveAllowFrom : effectiveGroupAllowFrom;
  return allowed.includes("*") || allowed.includes(sender) || (!turn.direct && allowed.length === 0);
}
