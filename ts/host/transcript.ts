/** What the host's transcript of a session says of a message. */
import { loadTranscriptEventsSync } from "openclaw/plugin-sdk/session-store-runtime";
import type { OpenClawConfig, PluginRuntime } from "./types.ts";

interface TranscriptMessage {
  role?: string;
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
export function finishedAnswer(turn: { agentId: string; sessionKey: string; messageId: string }, host: { runtime: PluginRuntime; cfg: OpenClawConfig }): string | undefined {
  const { agentId, sessionKey, messageId } = turn;
  const { session } = host.runtime.agent;
  const storePath = session.resolveStorePath(host.cfg.session?.store, { agentId });
  const entry = session.getSessionEntry({ agentId, sessionKey, storePath });
  // The host keeps a reply it was about to deliver, and sees to it by itself.
  if (!entry || entry.pendingFinalDelivery) return undefined;
  return answerIn(loadTranscriptEventsSync({ agentId, sessionId: entry.sessionId, sessionKey, storePath }), messageId);
}

/** @param events of a transcript, oldest first; exported for its tests */
export function answerIn(events: readonly unknown[], messageId: string): string | undefined {
  const messages = events.map((event) => (event as { message?: TranscriptMessage }).message).filter((message) => message !== undefined);
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
