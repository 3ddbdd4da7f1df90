/** Hands a prepared message to the host and follows the turn to its end. */
import { createReplyPrefixOptions } from "../host/outbound.ts";
import { resolvePinnedMainDmOwnerFromAllowlist } from "../host/dm-owner.ts";
import { messageIdOf } from "../host/message-id.ts";
import { resolveInboundLastRouteSessionKey } from "../host/routing.ts";
import type { TurnPlan } from "../host/types.ts";
import { enterBound } from "./bound.ts";
import { tellCollision } from "./collision.ts";
import { buildContext } from "./context.ts";
import type { Drop } from "./drop.ts";
import { TurnErrors, UnansweredTurn } from "./failure.ts";
import { startFeedback } from "./feedback.ts";
import { failedUnheard, formerAnswer, leftByHost, untilResumed } from "./former.ts";
import { threadKey } from "./implicit.ts";
import type { TakenFile } from "./media.ts";
import type { InboundPorts, TurnProgress, WorkDisplay } from "./ports.ts";
import { normalizeUserEntry } from "./policy.ts";
import type { PreparedTurn } from "./prepare.ts";
import { isRestartNotice, refusalOf, TurnCutOff } from "./refusal.ts";
import { echoTranscript } from "./voice.ts";

type ToolStart = Parameters<WorkDisplay["toolStarted"]>[0];

/** The homeserver forgets a typing notice after this long; it is renewed well before. */
const TYPING_MS = 30_000;
const TYPING_RENEWAL_MS = 20_000;
/** A run may be long; the notice ends with it, and at the latest after this. */
const TYPING_MAX_MS = 30 * 60_000;

/** Code of the host's error for a turn it has already given up after a restart. */
const RECOVERY_TOMBSTONE = "SESSION_RESTART_RECOVERY_TOMBSTONE";

/** Tells the room that the turn was lost, instead of leaving the person waiting. */
export const LOST_TURN_NOTICE = "I was restarted while working on this and could not pick it up again. Please send it once more.";

function isTombstone(error: unknown): boolean {
  for (let at: unknown = error; at && typeof at === "object"; at = (at as { cause?: unknown }).cause) {
    if ((at as { code?: unknown }).code === RECOVERY_TOMBSTONE) return true;
  }
  return false;
}

/** Follows a turn that the host queued behind a running one. */
class FollowUp {
  deferred = false;
  #settled: (() => void) | undefined;
  readonly done = new Promise<void>((resolve) => {
    this.#settled = resolve;
  });
  adopted = false;
  abandoned = false;

  settle(): void {
    this.#settled?.();
  }
}

/**
 * Runs one turn. Resolves when it is over: answered, silent by the agent's
 * decision, or not wanted by the host (the drop says why).
 *
 * @throws what the host threw; the event is then to be tried again
 */
export async function runTurn(turn: PreparedTurn, ports: InboundPorts, progress: TurnProgress): Promise<Drop | undefined> {
  const { runtime, accountId } = ports;
  const { event, route } = turn;
  const cfg = ports.cfg();
  if (turn.bound) await enterBound(turn.bound, { cfg, accountId, roomId: event.roomId });
  const feedback = startFeedback(turn, ports);
  let outcome: "done" | "failed" = "failed";
  const history = ports.history.read(turn.historyKey, turn.historyLimit, event.eventId);
  // A command is not read by the agent: what was skipped waits for a message that is.
  const skipped = turn.isCommand ? [] : ports.skipped.read(event.roomId);
  const files = turn.isCommand || turn.reaction ? [] : await takeFiles(turn, ports);
  const ctxPayload = await buildContext(turn, ports, { history, skipped, files });
  const reply = ports.reply({ roomId: event.roomId, threadRootId: turn.threadRootId, eventId: event.eventId, agentId: route.agentId });
  await echoTranscript(turn, ports);
  const { onModelSelected, ...prefix } = createReplyPrefixOptions({ cfg, agentId: route.agentId, channel: "matrix", accountId });
  const followUp = new FollowUp();
  let cutOff = false;
  // The event comes again: what was begun stays, so that the next run goes on with it.
  let again = false;
  const errors = new TurnErrors();
  const messageId = messageIdOf(event.eventId, ports.failures.get(event.seq) ?? 0);
  // The model is asked again all the same, so that the host's books are right, and its words give way to these.
  const session = { agentId: route.agentId, sessionKey: turn.sessionKey };
  const former = event.attempts > 0 && !turn.isCommand ? await formerAnswer({ ...session, messageId }, ports) : undefined;
  // An answer of an earlier run is there: nothing is drafted beside it.
  const work = former === undefined ? reply.work : undefined;
  // A command is answered with its error; it is not tried again.
  if (turn.isCommand) errors.toolStarted();

  const lifecycle = {
    admission: "exclusive" as const,
    onAdopted: async () => {
      followUp.adopted = true;
      progress.released();
      await progress.adopted();
    },
    onDeferred: () => {
      followUp.deferred = true;
      progress.released();
    },
    onAbandoned: () => {
      followUp.abandoned = true;
    },
    onSettled: () => followUp.settle(),
  };

  const plan: TurnPlan = {
    cfg,
    channel: "matrix",
    accountId,
    route: { agentId: route.agentId, dmScope: route.dmScope, sessionKey: turn.sessionKey },
    ctxPayload,
    botLoopProtection: turn.botSender ? botLoop(turn, ports) : undefined,
    record: {
      updateLastRoute: turn.direct ? lastRoute(turn, ports) : undefined,
      onRecordError: (error) => ports.log.warn(`[${accountId}] the session's last route could not be stored: ${String(error)}`),
    },
    // Whoever only listens shows nothing of it.
    replyPipeline: turn.ambient ? {} : {
      typing: {
        start: () => ports.account.setTyping(event.roomId, true, TYPING_MS),
        stop: () => ports.account.setTyping(event.roomId, false),
        onStartError: () => undefined,
        onStopError: () => undefined,
        keepaliveIntervalMs: TYPING_RENEWAL_MS,
        maxDurationMs: TYPING_MAX_MS,
      },
    },
    dispatcherOptions: prefix,
    delivery: {
      observeMessageSent: true,
      preparePayload: (payload, info) => {
        // "Try again" is our part: the message is still in the inbox.
        if (isRestartNotice(payload.text)) cutOff = true;
        if (payload.isCommentary || isRestartNotice(payload.text)) return null;
        if (former !== undefined) return former.take(payload, info.kind);
        return errors.holds(payload, info.kind) ? null : payload;
      },
      deliver: async (payload, info) => {
        let delivered: Awaited<ReturnType<typeof reply.sink.deliver>> = { messageIds: [], visibleReplySent: false };
        for (const admitted of errors.admit(payload)) delivered = await reply.sink.deliver(admitted, info.kind);
        former?.delivered(event.roomId, delivered.messageIds);
        if (delivered.visibleReplySent && turn.threadRootId) await ports.threads.note(accountId, threadKey(event.roomId, turn.threadRootId));
        return delivered;
      },
      onError: (error, info) => ports.log.error(`[${accountId}] a ${info.kind} reply in ${event.roomId} was not delivered: ${String(error)}`),
    },
    replyOptions: {
      skillFilter: turn.roomEntry?.skills,
      disableBlockStreaming: !reply.blockStreaming,
      onModelSelected,
      // Where somebody has asked to see what the model thinks, it is a message of its own.
      reasoningPayloadsEnabled: true,
      ...work?.options,
      onToolStart: (tool?: ToolStart) => {
        errors.toolStarted();
        feedback.tool(tool?.name);
        return tool && work?.toolStarted(tool);
      },
      onReasoningStream: () => feedback.thinking(),
      onAssistantMessageStart: () => {
        feedback.thinking();
        work?.assistantMessage();
      },
      onCompactionStart: () => feedback.compacting(),
      ...(reply.streams && former === undefined && !turn.ambient ? { onPartialReply: (payload: { text?: string }) => reply.sink.partial(payload.text) } : {}),
    },
    toolsAllow: undefined,
  };

  try {
    const result = await runtime.channel.inbound.run({
      channel: "matrix",
      accountId,
      raw: event,
      turnAdoptionLifecycle: lifecycle,
      adapter: {
        ingest: () => ({
          id: messageId,
          timestamp: event.originServerTs,
          rawText: turn.rawText,
          textForAgent: ctxPayload.BodyForAgent,
          textForCommands: ctxPayload.CommandBody,
          raw: event,
        }),
        resolveTurn: () => plan,
      },
    });
    if (cutOff) throw new TurnCutOff();
    if (!result.dispatched) return { reason: "bot_loop", detail: "reason" in result.admission ? result.admission.reason : undefined };
    const queued = result.dispatchResult.deferredToActiveRun === "followup" || (followUp.deferred && !followUp.adopted);
    if (queued && !followUp.abandoned) await followUp.done;
    if (followUp.abandoned && !followUp.adopted) throw new Error("the host gave the turn up before it began");
    const held = errors.failure();
    // Of a turn that it queued the host says first that nothing came of it, and answers it later by another way than the turn.
    const doubtful = held === undefined ? event.attempts > 0 && former === undefined && errors.nothingCame() : queued;
    const unanswered = doubtful ? failedUnheard({ ...session, messageId }, ports) : undefined;
    const failure = doubtful && unanswered === undefined ? undefined : (held ?? unanswered);
    if (failure !== undefined) throw new UnansweredTurn(failure, { roomId: event.roomId, threadRootId: turn.threadRootId });
    // The host did not run it again, or the model had nothing to say.
    const left = former ?? (doubtful && held === undefined ? await leftByHost({ ...session, messageId }, ports) : undefined);
    outcome = "done";
    const unsaid = left?.take({}, "final");
    if (unsaid) left?.delivered(event.roomId, (await reply.sink.deliver(unsaid, "final")).messageIds);
    for (const warning of errors.rest()) await reply.sink.deliver(warning, "final");
    if (turn.direct && !turn.bound) await tellCollision(turn, ports);
    ports.history.consume(turn.historyKey, history, event.eventId);
    if (skipped.length > 0) {
      ports.skipped.consume(event.roomId, skipped);
      await ports.account.settle(skipped.map(({ seq }) => seq)).catch((error: unknown) => {
        ports.log.debug?.(`[${accountId}] what was skipped in ${event.roomId} is told once more: ${String(error)}`);
      });
    }
    return undefined;
  } catch (error) {
    if (!isTombstone(error)) {
      again = true;
      if (refusalOf(error) === "recovering") await untilResumed(session, ports);
      throw error;
    }
    await reply.sink.deliver({ text: LOST_TURN_NOTICE, isStatusNotice: true }, "final");
    return undefined;
  } finally {
    feedback.end(outcome);
    await reply.sink.finish(again);
  }
}

/** The message's files where the host reads them; what was listened to is there already. */
function takeFiles({ event, heard }: PreparedTurn, ports: InboundPorts): Promise<TakenFile[]> {
  return Promise.all(event.media.map((info) => (heard?.file.info === info ? heard.file : ports.takeFile(info))));
}

/**
 * Where the session answers when nobody asks. With one main session for all
 * direct messages, a single listed owner keeps it: others' messages do not move it.
 */
function lastRoute(turn: PreparedTurn, ports: InboundPorts): NonNullable<TurnPlan["record"]>["updateLastRoute"] {
  const { event, route } = turn;
  const sessionKey = resolveInboundLastRouteSessionKey({ route, sessionKey: turn.sessionKey });
  const owner =
    sessionKey === route.mainSessionKey
      ? resolvePinnedMainDmOwnerFromAllowlist({
          dmScope: ports.cfg().session?.dmScope,
          allowFrom: ports.resolved().config.dm?.allowFrom,
          normalizeEntry: normalizeUserEntry,
        })
      : null;
  return {
    sessionKey,
    channel: "matrix",
    to: `room:${event.roomId}`,
    accountId: ports.accountId,
    threadId: turn.threadRootId,
    mainDmOwnerPin: owner === null ? undefined : { ownerRecipient: owner, senderRecipient: event.sender },
  };
}

function botLoop(turn: PreparedTurn, ports: InboundPorts): TurnPlan["botLoopProtection"] {
  return {
    scopeId: ports.accountId,
    conversationId: turn.event.roomId,
    senderId: turn.event.sender,
    receiverId: ports.account.identity.userId,
    eventId: turn.event.eventId,
    config: { ...ports.resolved().config.botLoopProtection, ...turn.roomEntry?.botLoopProtection },
    defaultsConfig: ports.cfg().channels?.defaults?.botLoopProtection,
    defaultEnabled: true,
    nowMs: turn.event.originServerTs,
  };
}
