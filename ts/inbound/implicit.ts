/** Messages that are meant for us without naming us (MEN-8, HST-1). */
import type { MatrixAccountConfig } from "../config/accounts.ts";
import type { InboundMessage } from "../native/account.ts";
import type { InboundPorts } from "./ports.ts";

export type ImplicitMention = "reply_to_bot" | "quoted_bot" | "bot_thread_participant";

/** A thread's key in the memory of threads the account has spoken in. */
export function threadKey(roomId: string, rootId: string): string {
  return `${roomId} ${rootId}`;
}

export interface ImplicitSettings {
  replyToBot: boolean;
  quotedBot: boolean;
  threadParticipation: boolean;
}

/** Which of them count: the account's word, else `channels.defaults.implicitMentions`, else replies and threads. */
export function implicitSettings(config: MatrixAccountConfig, defaults?: Partial<ImplicitSettings>): ImplicitSettings {
  return { replyToBot: true, quotedBot: false, threadParticipation: true, ...stated(defaults), ...stated(config.implicitMentions) };
}

function stated(settings: Partial<ImplicitSettings> | undefined): Partial<ImplicitSettings> {
  return Object.fromEntries(Object.entries(settings ?? {}).filter(([, value]) => value !== undefined));
}

/** Links to messages that are looked up at most. */
const LINKS = 3;

/** Event ids that a text links to in this room: `https://matrix.to/#/!room/$event`, `matrix:roomid/room/e/event`. */
export function linkedEvents(text: string, roomId: string): string[] {
  const ids = new Set<string>();
  for (const [, room = "", event = ""] of text.matchAll(/matrix\.to\/#\/([^/\s"'<>)]+)\/([^/?\s"'<>)]+)/gi)) {
    const [decodedRoom, decodedEvent] = [decode(room), decode(event)];
    if (decodedRoom === roomId && decodedEvent.startsWith("$")) ids.add(decodedEvent);
  }
  for (const [, room = "", event = ""] of text.matchAll(/matrix:roomid\/([^/\s"'<>)]+)\/e(?:vent)?\/([^/?\s"'<>)]+)/gi)) {
    if (`!${decode(room)}` === roomId) ids.add(`$${decode(event)}`);
  }
  return [...ids].slice(0, LINKS);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * What of a message's place says that it is meant for us. Looks up at most a handful of messages,
 * and only what the settings let count.
 */
export async function implicitMentions(event: InboundMessage, settings: ImplicitSettings, ports: Pick<InboundPorts, "account" | "accountId" | "quotes" | "threads">): Promise<ImplicitMention[]> {
  const { roomId, replyToId, threadRootId } = event;
  const ours = async (eventId: string) => (await ports.quotes.find(roomId, eventId))?.sender === ports.account.identity.userId;
  const kinds: ImplicitMention[] = [];
  if (settings.replyToBot && replyToId && (await ours(replyToId))) kinds.push("reply_to_bot");
  if (settings.threadParticipation && threadRootId) {
    if ((await ports.threads.knows(ports.accountId, threadKey(roomId, threadRootId))) || (await ours(threadRootId))) kinds.push("bot_thread_participant");
  }
  if (settings.quotedBot && kinds.length === 0) {
    for (const eventId of linkedEvents(`${event.body}\n${event.formattedBody ?? ""}`, roomId)) {
      if (!(await ours(eventId))) continue;
      kinds.push("quoted_bot");
      break;
    }
  }
  return kinds;
}
