/**
 * How the host knows a message. It answers an id once and takes a second turn under it for a repetition,
 * so a turn that failed runs again under an id of its own.
 */

/** @param failures how often turns of this event failed before, in this process */
export function messageIdOf(eventId: string, failures: number): string {
  return failures === 0 ? eventId : `${eventId}#${failures}`;
}

/** The event behind such an id. Event ids of today's room versions have no `#` in them, older ones end in a server name. */
export function eventOfMessageId(messageId: string): string {
  return messageId.replace(/#\d+$/, "");
}
