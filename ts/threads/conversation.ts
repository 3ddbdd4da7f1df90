/**
 * How the host's bindings name a place in Matrix: a room by its id, a thread by its root event with
 * the room as its parent. Ids keep their case.
 */

export interface Conversation {
  conversationId: string;
  parentConversationId?: string;
}

/** A room id behind whatever stands before it, `room:!…` or `matrix:channel:!…`. */
export function roomIdOf(value: string | null | undefined): string | undefined {
  const bare = value?.trim().replace(/^(?:(?:matrix|room|channel):)+/i, "");
  return bare && /^![^\s:]+(?::\S+)?$/.test(bare) ? bare : undefined;
}

export function threadRootOf(value: string | number | null | undefined): string | undefined {
  const bare = typeof value === "string" ? value.trim() : "";
  return /^\$\S+$/.test(bare) ? bare : undefined;
}

/** The place of a message or a command; undefined where no room can be told. */
export function conversationOf(room: string | null | undefined, thread?: string | number | null): Conversation | undefined {
  const roomId = roomIdOf(room);
  const root = threadRootOf(thread);
  if (roomId === undefined) return undefined;
  return root === undefined ? { conversationId: roomId } : { conversationId: root, parentConversationId: roomId };
}

/** Where to send so that it is said in the conversation; undefined for a thread whose room nobody has told us. */
export function placeOf({ conversationId, parentConversationId }: Conversation): { roomId: string; threadRootId?: string } | undefined {
  const threadRootId = threadRootOf(conversationId);
  const roomId = roomIdOf(threadRootId === undefined ? conversationId : parentConversationId);
  return roomId === undefined ? undefined : { roomId, threadRootId };
}
