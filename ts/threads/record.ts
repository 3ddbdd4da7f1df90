/** One binding as it is kept, and as the host sees it. */
import type { SessionBindingRecord, SessionBindInput } from "../host/bindings.ts";
import { resolveThreadBindingLifecycle } from "../host/bindings.ts";
import type { Conversation } from "./conversation.ts";

export interface Binding extends Conversation {
  targetSessionKey: string;
  targetKind: SessionBindInput["targetKind"];
  boundAt: number;
  lastActivityAt: number;
  /** Limits of this binding alone, in milliseconds; 0 is none. Left out, the configuration's count. */
  idleTimeoutMs?: number;
  maxAgeMs?: number;
  /** Who bound it, its label, its owner: the host's business. */
  metadata: Record<string, unknown>;
}

/** The limits for bindings that have none of their own, in milliseconds. */
export interface Limits {
  idleTimeoutMs: number;
  maxAgeMs: number;
}

export type Ending = { expiresAt?: number; reason?: "idle-expired" | "max-age-expired" };

export function endingOf(binding: Binding, limits: Limits): Ending {
  return resolveThreadBindingLifecycle({ record: binding, defaultIdleTimeoutMs: limits.idleTimeoutMs, defaultMaxAgeMs: limits.maxAgeMs });
}

export function bindingIdOf(accountId: string, { conversationId }: Conversation): string {
  return `${accountId}:${conversationId}`;
}

export function toHostRecord(accountId: string, binding: Binding, limits: Limits): SessionBindingRecord {
  const { conversationId, parentConversationId } = binding;
  return {
    bindingId: bindingIdOf(accountId, binding),
    targetSessionKey: binding.targetSessionKey,
    targetKind: binding.targetKind,
    conversation: { channel: "matrix", accountId, conversationId, parentConversationId },
    status: "active",
    boundAt: binding.boundAt,
    expiresAt: endingOf(binding, limits).expiresAt,
    metadata: {
      ...binding.metadata,
      lastActivityAt: binding.lastActivityAt,
      idleTimeoutMs: binding.idleTimeoutMs ?? limits.idleTimeoutMs,
      maxAgeMs: binding.maxAgeMs ?? limits.maxAgeMs,
    },
  };
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value.trim() !== "" ? value : undefined);
const time = (value: unknown): number | undefined => (typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined);

/** A binding out of a file that anybody may have edited; undefined when it is none. */
export function readBinding(value: unknown): Binding | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const entry = value as Record<string, unknown>;
  const conversationId = text(entry.conversationId);
  const targetSessionKey = text(entry.targetSessionKey);
  const boundAt = time(entry.boundAt);
  if (conversationId === undefined || targetSessionKey === undefined || boundAt === undefined) return undefined;
  return {
    conversationId,
    parentConversationId: text(entry.parentConversationId),
    targetSessionKey,
    targetKind: entry.targetKind === "subagent" ? "subagent" : "session",
    boundAt,
    lastActivityAt: Math.max(boundAt, time(entry.lastActivityAt) ?? boundAt),
    idleTimeoutMs: time(entry.idleTimeoutMs),
    maxAgeMs: time(entry.maxAgeMs),
    metadata: typeof entry.metadata === "object" && entry.metadata !== null ? { ...entry.metadata } : {},
  };
}
