/** A room's past, pins, polls and places, as the rest of the plugin sees them; part of the account's contract. */
import type { MessageKind, SendTarget, Sent } from "./account.ts";

/** Which messages to read: the newest, or those around one of them; of the room, or of one thread. */
export interface ReadMessages {
  roomId: string;
  /** At most 200. */
  limit: number;
  /** Event id: older ones than this. */
  before?: string;
  /** Event id: newer ones than this; goes before `before`. */
  after?: string;
  /** Only this thread, its root included. */
  threadRootId?: string;
}

/** A message as it reads now: decrypted, edits folded in. */
export interface ReadMessage {
  eventId: string;
  sender: string;
  senderName?: string;
  originServerTs: number;
  kind: MessageKind;
  text: string;
  threadRootId?: string;
  replyToId?: string;
  edited: boolean;
  encrypted: boolean;
  /** Of a file. */
  filename?: string;
  /** Why there is no text. */
  unavailable?: "undecryptable" | "redacted" | "not-a-message";
}

export interface ReadPage {
  /** Oldest first; deleted ones are left out. */
  messages: ReadMessage[];
  /** There is more in the direction of reading. */
  more: boolean;
}

export interface Reaction {
  /** The reaction's own event: what is redacted to take it back. */
  eventId: string;
  sender: string;
  key: string;
  originServerTs: number;
}

/** A custom emoji of an image pack (MSC2545). */
export interface Emoji {
  shortcode: string;
  /** `mxc:` address of its image. */
  url: string;
}

export interface SendPoll extends SendTarget {
  question: string;
  /** 2 to 20. */
  answers: string[];
  /** How many of them one person may choose. */
  maxSelections: number;
  /** Votes are seen before the poll ends. */
  disclosed: boolean;
  key?: string;
}

export interface PollAnswer {
  id: string;
  text: string;
  votes: number;
  voters: string[];
}

/** A poll and everybody's last vote before its end. */
export interface Poll {
  eventId: string;
  /** Who asked. */
  sender: string;
  question: string;
  answers: PollAnswer[];
  maxSelections: number;
  disclosed: boolean;
  ended: boolean;
  /** People whose vote counts. */
  voters: number;
  /** Ids of the answers this account chose. */
  own: string[];
}

export interface SendLocation extends SendTarget {
  /** Degrees, WGS 84. */
  latitude: number;
  longitude: number;
  /** Metres. */
  altitude?: number;
  /** Metres around it. */
  uncertainty?: number;
  description?: string;
  key?: string;
}

/** What an account does beside talking. */
export interface RoomPast {
  readMessages(request: ReadMessages): Promise<ReadPage>;
  /** Oldest first; what was taken back is left out. */
  reactions(roomId: string, eventId: string): Promise<Reaction[]>;
  /** Custom emoji of the room's packs and of the account's own, by shortcode; without asking the homeserver. None on a borrowed device. */
  emojis(roomId: string): Promise<Emoji[]>;
  /** Event ids, the newest pin last. */
  pinned(roomId: string): Promise<string[]>;
  /** The pinned ones afterwards. */
  setPinned(roomId: string, eventId: string, pinned: boolean): Promise<string[]>;
  sendPoll(request: SendPoll): Promise<Sent>;
  /** An empty vote takes the former one back. */
  vote(request: { roomId: string; eventId: string; answers: string[]; key?: string }): Promise<Sent>;
  endPoll(roomId: string, eventId: string, key?: string): Promise<Sent>;
  /** Undefined if the event is no poll. */
  poll(roomId: string, eventId: string): Promise<Poll | undefined>;
  sendLocation(request: SendLocation): Promise<Sent>;
}
