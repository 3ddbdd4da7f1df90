/** What the host's transcript of a session says of a message. */
import { loadTranscriptEventsSync } from "openclaw/plugin-sdk/session-store-runtime";
import { eventOfMessageId } from "./message-id.ts";
import type { OpenClawConfig, PluginRuntime } from "./types.ts";

interface TranscriptMessage {
  role?: string;
  model?: string;
  content?: string | { type?: string; text?: string }[];
  stopReason?: string;
  __openclaw?: { transport?: { messageId?: string } };
}

/**
 * The answer that the agent had finished for a message, if it had. The host writes an answer into its
 * transcript before it delivers it, and a process that ends in between leaves it there and nowhere else: asked
 * again, the model sees that it has answered.
 *
 * @param messageId as the host knows the message
 */
export function finishedAnswer(turn: SessionOfTurn & { messageId: string }, host: Host): FinishedAnswer | undefined {
  const entry = sessionEntry(turn, host);
  if (!entry || hostDelivers(entry)) return undefined;
  const text = answerIn(transcript(turn, entry.sessionId, host), turn.messageId);
  return text === undefined ? undefined : { text, deliveries: deliveriesOf(entry) };
}

/** An answer, and the host's ids of its delivery: under these it may stand in the host's delivery queue. */
export interface FinishedAnswer {
  text: string;
  deliveries: string[];
}

/** What the host keeps of an answer on its way out (its `SessionEntry`). */
interface AnswerOnItsWay {
  status?: string;
  abortedLastRun?: boolean;
  pendingFinalDelivery?: { kind?: string; intentId?: string; deliveries?: readonly { id?: string; state: string }[] };
}

/**
 * Whether an answer is the host's to deliver, or is delivered. It resumes an interrupted session with an answer whose
 * delivery had not begun. One whose delivery had begun it leaves alone and says that it could not confirm it; our
 * outbox can, because the same answer of the same turn has the same key. Exported for its tests.
 */
export function hostDelivers(entry: AnswerOnItsWay): boolean {
  const { status, abortedLastRun, pendingFinalDelivery: pending } = entry;
  if (!pending) return false;
  if (isDelivered(entry)) return true;
  const interrupted = status === "running" && abortedLastRun === true;
  return interrupted && pending.kind === "replayable" && statesOf(entry).every((state) => state === "prepared");
}

function statesOf({ pendingFinalDelivery: pending }: AnswerOnItsWay): string[] {
  return (pending?.deliveries ?? []).map(({ state }) => state);
}

function deliveriesOf({ pendingFinalDelivery: pending }: AnswerOnItsWay): string[] {
  return (pending?.deliveries ?? []).flatMap(({ id }) => id ?? []);
}

function isDelivered(entry: AnswerOnItsWay): boolean {
  const states = statesOf(entry);
  return states.includes("delivered") && states.every((state) => state === "delivered" || state === "suppressed");
}

/** An answer that the host keeps and has not delivered. */
export interface OwedAnswer {
  /** Names the delivery: another one is that of a later run. */
  intent: string | undefined;
  /** The host is at it, or will be once it resumes the session. */
  running: boolean;
  answer: FinishedAnswer | undefined;
}

/** What the host owes the conversation, as far as it has begun with it. */
export function owedAnswer(turn: SessionOfTurn & { messageId: string }, host: Host): OwedAnswer | undefined {
  const entry = sessionEntry(turn, host);
  const { status, pendingFinalDelivery: pending } = (entry ?? {}) as AnswerOnItsWay;
  if (!entry || !pending || isDelivered(entry as AnswerOnItsWay)) return undefined;
  const text = answerIn(transcript(turn, entry.sessionId, host), turn.messageId);
  return { intent: pending.intentId, running: status === "running", answer: text === undefined ? undefined : { text, deliveries: deliveriesOf(entry) } };
}

/**
 * Whether nobody will answer a message that the host says it has had: the session's newest run failed or ended
 * without an answer, and the host is not about to resume it. The host tells of a failed run through the turn it
 * belongs to, but not where it has resumed the session after a restart: then it sends its words to the room by itself.
 */
export function leftUnanswered(turn: SessionOfTurn & { messageId: string }, host: Host): boolean {
  const entry = sessionEntry(turn, host);
  if (!entry) return false;
  const events = transcript(turn, entry.sessionId, host);
  if (answerIn(events, turn.messageId) !== undefined) return false;
  return failedIn(events) || ((entry as AnswerOnItsWay).status !== "running" && !hostDelivers(entry) && endsUnanswered(events, turn.messageId));
}

/** Whether a run of the session is under way, or one of before a restart waits for the host to resume it. */
export function sessionRuns(turn: SessionOfTurn, host: Host): boolean {
  return (sessionEntry(turn, host) as AnswerOnItsWay | undefined)?.status === "running";
}

interface SessionOfTurn {
  agentId: string;
  sessionKey: string;
}

interface Host {
  runtime: PluginRuntime;
  cfg: OpenClawConfig;
}

const storePath = ({ agentId }: SessionOfTurn, { runtime, cfg }: Host): string => runtime.agent.session.resolveStorePath(cfg.session?.store, { agentId });

function sessionEntry(turn: SessionOfTurn, host: Host) {
  return host.runtime.agent.session.getSessionEntry({ agentId: turn.agentId, sessionKey: turn.sessionKey, storePath: storePath(turn, host) });
}

function transcript(turn: SessionOfTurn, sessionId: string, host: Host): readonly unknown[] {
  return loadTranscriptEventsSync({ agentId: turn.agentId, sessionId, sessionKey: turn.sessionKey, storePath: storePath(turn, host) });
}

function messagesOf(events: readonly unknown[]): TranscriptMessage[] {
  return events.map((event) => (event as { message?: TranscriptMessage }).message).filter((message) => message !== undefined);
}

/** @param events of a transcript, oldest first; exported for its tests */
export function failedIn(events: readonly unknown[]): boolean {
  // What was sent to the room is mirrored behind the run that failed.
  const last = messagesOf(events).findLast(({ role, model }) => role === "user" || (role === "assistant" && model !== "delivery-mirror"));
  return last?.role === "assistant" && last.stopReason === "error";
}

/** Where a transcript has a message: under its own id, or under that of a later try. */
function askedAt(messages: readonly TranscriptMessage[], messageId: string): number {
  const eventId = eventOfMessageId(messageId);
  return messages.findLastIndex(({ role, __openclaw: meta }) => role === "user" && eventOfMessageId(meta?.transport?.messageId ?? "") === eventId);
}

/** @param events of a transcript, oldest first; exported for its tests */
export function endsUnanswered(events: readonly unknown[], messageId: string): boolean {
  const messages = messagesOf(events);
  const asked = askedAt(messages, messageId);
  const rest = messages.slice(asked + 1).filter(({ model }) => model !== "delivery-mirror");
  if (asked < 0 || rest.some(({ role }) => role === "user")) return false;
  return rest.findLast(({ role }) => role === "assistant")?.stopReason !== "stop";
}

function textOf({ content = [] }: TranscriptMessage): string {
  return typeof content === "string" ? content : content.filter(({ type }) => type === "text").map((part) => part.text ?? "").join("");
}

/** What the host says to an agent whose run it resumes after a restart. */
const RESUMPTION = "[System] Your previous turn was interrupted by a gateway restart";

function isResumption(message: TranscriptMessage): boolean {
  return textOf(message).startsWith(RESUMPTION);
}

/** @param events of a transcript, oldest first; exported for its tests */
export function answerIn(events: readonly unknown[], messageId: string): string | undefined {
  const messages = messagesOf(events);
  const asked = askedAt(messages, messageId);
  if (asked < 0) return undefined;
  const rest = messages.slice(asked + 1);
  const next = rest.findIndex((message) => message.role === "user");
  // Asked to go on, the agent has said it once more, and the host has seen to that.
  if (rest[next] && isResumption(rest[next])) return undefined;
  const last = rest.slice(0, next < 0 ? undefined : next).findLast((message) => message.role === "assistant");
  if (last?.stopReason !== "stop") return undefined;
  const text = textOf(last);
  // Directives and silent replies are the host's to read.
  return text.trim() === "" || /^\s*NO_REPLY\b|^\s*MEDIA:|\[\[/m.test(text) ? undefined : text.trim();
}
