import type { Credentials } from "../../homeserver/users.ts";

/** A room event as a person's client shows it. */
export interface SeenEvent {
  roomId: string;
  eventId: string;
  sender: string;
  /** Type after decryption. */
  type: string;
  /** Content after decryption; relations of an encrypted event are part of it. */
  content: Record<string, unknown>;
  /** It was encrypted and this client decrypted it. */
  encrypted: boolean;
  originServerTs: number;
  /** `content.body`, or the empty string. */
  body: string;
  /** `m.thread` root. */
  threadRootId?: string;
  /** `m.in_reply_to`. */
  replyToId?: string;
  /** `is_falling_back` of the thread relation. */
  fallingBack?: boolean;
  /** `m.replace` target; `newBody` is then the new text. */
  replacesId?: string;
  newBody?: string;
  /** `m.annotation`. */
  reaction?: { targetId: string; key: string };
}

/** MSC4357: the sender is still writing this message. */
export function isLive({ content }: SeenEvent): boolean {
  return "org.matrix.msc4357.live" in ((content["m.new_content"] as object | undefined) ?? content);
}

/** An event this client could not decrypt (yet). */
export interface Undecryptable {
  roomId: string;
  eventId: string;
  sender: string;
  reason: string;
}

export interface RoomOptions {
  encrypted: boolean;
  invite?: string[];
  name?: string;
  /** Default `private_chat`. */
  preset?: "private_chat" | "trusted_private_chat" | "public_chat";
  /** When the room's keys are to be made anew. */
  rotation?: { rotation_period_msgs?: number; rotation_period_ms?: number };
}

export interface WaitOptions {
  /** Milliseconds; default 60 s. */
  timeoutMs?: number;
  /** What the error says was waited for. */
  what?: string;
}

/**
 * A person with a Matrix client of another maker. Sends resolve with the event id the homeserver gave.
 * Everything the client has seen stays in `events`, so a wait cannot miss what came before it.
 */
export interface Human {
  readonly client: HumanClient;
  readonly credentials: Credentials;
  readonly userId: string;
  readonly events: readonly SeenEvent[];
  /** Events that are undecryptable at this moment. */
  readonly undecryptable: readonly Undecryptable[];

  /** A room with `is_direct` and an entry in `m.direct`. */
  createDm(userId: string, options: { encrypted: boolean }): Promise<string>;
  createRoom(options: RoomOptions): Promise<string>;
  invite(roomId: string, userId: string): Promise<void>;
  join(roomIdOrAlias: string): Promise<string>;
  leave(roomId: string): Promise<void>;
  /** Switches encryption on in a room that has none, and waits until this client encrypts there. */
  encryptRoom(roomId: string): Promise<void>;
  /** Waits until the user has joined, and in an encrypted room until this client knows a device of theirs. */
  waitForMember(roomId: string, userId: string, options?: WaitOptions): Promise<void>;

  send(roomId: string, text: string): Promise<string>;
  reply(roomId: string, text: string, toEventId: string): Promise<string>;
  sendInThread(roomId: string, text: string, rootId: string): Promise<string>;
  /** Text after a pill of `userId`, with `m.mentions`. */
  mention(roomId: string, userId: string, text: string, threadRootId?: string): Promise<string>;
  react(roomId: string, eventId: string, key: string): Promise<string>;
  edit(roomId: string, eventId: string, text: string): Promise<string>;
  redact(roomId: string, eventId: string): Promise<string>;
  sendContent(roomId: string, type: string, content: Record<string, unknown>): Promise<string>;

  /** The first event, past or to come, that fits. */
  waitForEvent(fits: (event: SeenEvent) => boolean, options?: WaitOptions): Promise<SeenEvent>;
  /** The same for messages of one sender that contain a text, in their first or an edited form. */
  waitForMessage(from: string, containing: string, options?: WaitOptions): Promise<SeenEvent>;
  /** How the homeserver holds an event: its type and content on the wire. */
  wire(roomId: string, eventId: string): Promise<{ type: string; content: Record<string, unknown> }>;
  /** Raw client-server request with this person's token; path behind `/_matrix/client/`. */
  request<T = Record<string, unknown>>(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<T>;
  close(): Promise<void>;
}

/** Whose client it is. */
export type HumanClient = "matrix-nio" | "matrix-js-sdk";
export const HUMAN_CLIENTS: readonly HumanClient[] = ["matrix-nio", "matrix-js-sdk"];
