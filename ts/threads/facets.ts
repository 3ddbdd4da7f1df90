/** What the host asks of a channel whose conversations can be bound to sessions (BND-2, BND-3, BND-7). */
import { normalizeAccountId } from "../config/account-id.ts";
import type { ChannelPlugin } from "../host/types.ts";
import type { ThreadBindings } from "./bindings.ts";
import { conversationOf, roomIdOf, threadRootOf } from "./conversation.ts";

/** The bindings of an account that runs in this process. */
export type FindBindings = (accountId: string) => ThreadBindings | undefined;

/** Bindings written into the configuration: `bindings[]` with `match.peer.id` a room or a thread's root. */
export const configuredBindings: NonNullable<ChannelPlugin["bindings"]> = {
  compileConfiguredBinding: ({ conversationId }) => {
    const id = threadRootOf(conversationId) ?? roomIdOf(conversationId);
    return id === undefined ? null : { conversationId: id };
  },
  matchInboundConversation: ({ compiledBinding, conversationId, parentConversationId }) => {
    if (compiledBinding.conversationId === conversationId) return { conversationId, parentConversationId, matchPriority: 2 };
    // A room's binding holds in its threads, too.
    if (compiledBinding.conversationId === parentConversationId) return { conversationId: parentConversationId, matchPriority: 1 };
    return null;
  },
  resolveCommandConversation: ({ threadId, originatingTo, commandTo, fallbackTo }) => {
    const room = [originatingTo, commandTo, fallbackTo].map(roomIdOf).find((id) => id !== undefined);
    return conversationOf(room, threadId) ?? null;
  },
};

export function createConversationBindings(find: FindBindings): NonNullable<ChannelPlugin["conversationBindings"]> {
  const limit = (what: "idleTimeoutMs" | "maxAgeMs") => async (accountId: string | null | undefined, targetSessionKey: string, ms: number) => {
    const bindings = find(normalizeAccountId(accountId ?? "default"));
    return bindings ? bindings.limit(targetSessionKey, what, ms) : [];
  };
  const [idle, maxAge] = [limit("idleTimeoutMs"), limit("maxAgeMs")];
  return {
    supportsCurrentConversationBinding: true,
    bindingStore: "adapter",
    defaultTopLevelPlacement: "child",
    resolveConversationRef: ({ conversationId, parentConversationId, threadId }) => {
      const room = roomIdOf(conversationId) ?? roomIdOf(parentConversationId);
      return conversationOf(room, threadId ?? threadRootOf(conversationId)) ?? null;
    },
    setIdleTimeoutBySessionKeyAsync: ({ accountId, targetSessionKey, idleTimeoutMs }) => idle(accountId, targetSessionKey, idleTimeoutMs),
    setMaxAgeBySessionKeyAsync: ({ accountId, targetSessionKey, maxAgeMs }) => maxAge(accountId, targetSessionKey, maxAgeMs),
  };
}
