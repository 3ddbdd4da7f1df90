/** Counts what the people saw. */
import { isLive, type SeenEvent, type Undecryptable } from "../support/humans/index.ts";
import type { Conversation, Question } from "./conversation.ts";

/** How the host tells that it goes on with a turn after a restart. */
const RESUMPTION = /continuing your interrupted request/i;

/** A message of the agent in its last form. */
export interface Said {
  eventId: string;
  text: string;
  /** It was never finished: a draft is no answer, whatever stands in it. */
  live: boolean;
  /** When a marker stood in it first, by the homeserver's clock; an edit counts from the edit. */
  firstSeen: Map<string, number>;
}

export interface Tally {
  sent: number;
  answered: number;
  lost: Question[];
  /** Markers in two distinct messages. */
  duplicates: { question: Question; said: Said[] }[];
  undecryptable: Undecryptable[];
  /** Answered after a later question of the same conversation. */
  disorder: { question: Question; behind: Question }[];
  /** The host's words about an interrupted turn, by kind. */
  notices: { resumed: number; other: string[] };
  /** Drafts that nothing came of and that nobody took back. */
  drafts: Said[];
  /** Longest time from question to answer by the homeserver's clock, in milliseconds. */
  slowestMs: number;
}

/** The agent's messages of one conversation, without redacted ones, edits folded in. */
export function messagesOf(events: readonly SeenEvent[], roomId: string, botUserId: string, markers: ReadonlySet<string>): Said[] {
  const redacted = new Set(events.filter((event) => event.type === "m.room.redaction").map((event) => String(event.content.redacts)));
  const said = new Map<string, Said>();
  for (const event of events) {
    if (event.roomId !== roomId || event.sender !== botUserId || event.type !== "m.room.message" || redacted.has(event.eventId)) continue;
    const id = event.replacesId ?? event.eventId;
    if (redacted.has(id)) continue;
    const text = event.newBody ?? event.body;
    const message = said.get(id) ?? { eventId: id, text, live: false, firstSeen: new Map() };
    message.text = text;
    message.live = isLive(event);
    for (const marker of markers) {
      if (text.includes(marker) && !message.firstSeen.has(marker)) message.firstSeen.set(marker, event.originServerTs);
    }
    said.set(id, message);
  }
  return [...said.values()];
}

/** The people of a room see the same; what one of them could not decrypt is counted, not hidden by the other. */
function timeline(conversation: Conversation): SeenEvent[] {
  const [first, ...others] = conversation.people.map((person) => person.events.filter((event) => event.roomId === conversation.roomId));
  const events = [...(first ?? [])];
  const known = new Set(events.map((event) => event.eventId));
  for (const event of others.flat()) if (!known.has(event.eventId)) events.push(event);
  return events;
}

export function tally(conversations: readonly Conversation[]): Tally {
  const result: Tally = {
    sent: 0,
    answered: 0,
    lost: [],
    duplicates: [],
    undecryptable: [],
    disorder: [],
    notices: { resumed: 0, other: [] },
    drafts: [],
    slowestMs: 0,
  };
  const people = new Set(conversations.flatMap((conversation) => conversation.people));
  const rooms = new Set(conversations.map((conversation) => conversation.roomId));
  for (const person of people) result.undecryptable.push(...person.undecryptable.filter((event) => rooms.has(event.roomId)));
  for (const conversation of conversations) {
    const events = timeline(conversation);
    const questions = conversation.questions.filter((question) => conversation.wasSent(question));
    const messages = messagesOf(events, conversation.roomId, conversation.botUserId, new Set(questions.map((question) => question.marker)));
    let latest: { question: Question; at: number } | undefined;
    for (const question of questions) {
      result.sent++;
      const said = messages.filter((message) => message.text.includes(question.marker));
      if (said.length > 1) result.duplicates.push({ question, said });
      if (!said.some((message) => !message.live)) {
        result.lost.push(question);
        continue;
      }
      const at = Math.min(...said.map((message) => message.firstSeen.get(question.marker) ?? Number.POSITIVE_INFINITY));
      result.answered++;
      if (latest && at < latest.at) result.disorder.push({ question: latest.question, behind: question });
      else latest = { question, at };
      const asked = events.find((event) => event.eventId === question.eventId)?.originServerTs ?? question.sentAt;
      result.slowestMs = Math.max(result.slowestMs, at - asked);
    }
    const known = questions.map((question) => question.marker);
    for (const message of messages) {
      if (!message.live && known.some((marker) => message.text.includes(marker))) continue;
      if (RESUMPTION.test(message.text)) result.notices.resumed++;
      else if (/^(?:\*\s)?Part 1\./.test(message.text)) result.drafts.push(message);
      else result.notices.other.push(message.text);
    }
  }
  return result;
}
