/**
 * Names what is sent in answer to an event, for ever. An event id is unique in its
 * room: in rooms of the first versions homeservers choose it, also one that another
 * room has.
 */
export function turnKey({ roomId, eventId }: { roomId: string; eventId?: string }): string {
  return `in:${roomId}:${eventId}`;
}
