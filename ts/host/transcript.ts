/** What the host's transcript of a session says of a message. */
import { loadTranscriptEventsSync } from "openclaw/plugin-sdk/session-store-runtime";
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
export function finishedAnswer(turn: SessionOfTurn & { messageId: string }, host: Host): string | undefined {
  const entry = sessionEntry(turn, host);
  // The host keeps a reply it was about to deliver, and sees to it by itself.
  if (!entry || entry.pendingFinalDelivery) return undefined;
  return answerIn(transcript(turn, entry.sessionId, host), turn.messageId);
}

/**
 * Whether the session's newest run failed. The host tells of a failed run through the turn it belongs to, but not
 * where it has resumed the session after a restart: then it sends its words to the room by itself.
 */
export function lastRunFailed(turn: SessionOfTurn, host: Host): boolean {
  const entry = sessionEntry(turn, host);
  return entry !== undefined && failedIn(transcript(turn, entry.sessionId, host));
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

/** @param events of a transcript, oldest first; exported for its tests */
export function answerIn(events: readonly unknown[], messageId: string): string | undefined {
  const messages = messagesOf(events);
  const asked = messages.findLastIndex((message) => message.role === "user" && message.__openclaw?.transport?.messageId === messageId);
  if (asked < 0) return undefined;
  const rest = messages.slice(asked + 1);
  const next = rest.findIndex((message) => message.role === "user");
  const last = rest.slice(0, next < 0 ? undefined : next).findLast((message) => message.role === "assistant");
  if (last?.stopReason !== "stop") return undefined;
  const text = typeof last.content === "string" ? last.content : (last.content ?? []).filter(({ type }) => type === "text").map((part) => part.text ?? "").join("");
  // Directives and silent replies are the host's to read.
  return text.trim() === "" || /^\s*NO_REPLY\b|^\s*MEDIA:|\[\[/m.test(text) ? undefined : text.trim();
}
