import { type Credentials, request } from "../../homeserver/users.ts";
import { until } from "../process.ts";
import type { Human, HumanClient, RoomOptions, SeenEvent, Undecryptable, WaitOptions } from "./human.ts";

const DEFAULT_WAIT_MS = 60_000;

/** Reads the relations out of a decrypted content. */
export function seen(event: Omit<SeenEvent, "body" | "threadRootId" | "replyToId" | "fallingBack" | "replacesId" | "newBody" | "reaction">): SeenEvent {
  const { content } = event;
  const relates = content["m.relates_to"] as
    | { rel_type?: string; event_id?: string; key?: string; is_falling_back?: boolean; "m.in_reply_to"?: { event_id?: string } }
    | undefined;
  const newContent = content["m.new_content"] as { body?: string } | undefined;
  const result: SeenEvent = { ...event, body: typeof content.body === "string" ? content.body : "" };
  if (relates?.rel_type === "m.thread" && relates.event_id) {
    result.threadRootId = relates.event_id;
    result.fallingBack = relates.is_falling_back ?? false;
  }
  if (relates?.["m.in_reply_to"]?.event_id) result.replyToId = relates["m.in_reply_to"].event_id;
  if (relates?.rel_type === "m.replace" && relates.event_id) {
    result.replacesId = relates.event_id;
    if (newContent?.body !== undefined) result.newBody = newContent.body;
  }
  if (relates?.rel_type === "m.annotation" && relates.event_id && relates.key) {
    result.reaction = { targetId: relates.event_id, key: relates.key };
  }
  return result;
}

function escapeHtml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

/** What both clients share: rooms are made and looked at over plain HTTP, messages go through the client. */
export abstract class BaseHuman implements Human {
  abstract readonly client: HumanClient;
  readonly credentials: Credentials;
  readonly events: SeenEvent[] = [];
  readonly #undecryptable = new Map<string, Undecryptable>();

  constructor(credentials: Credentials) {
    this.credentials = credentials;
  }

  get userId(): string {
    return this.credentials.userId;
  }

  get undecryptable(): readonly Undecryptable[] {
    return [...this.#undecryptable.values()];
  }

  protected addEvent(event: SeenEvent): void {
    this.#undecryptable.delete(event.eventId);
    if (!this.events.some((known) => known.eventId === event.eventId)) this.events.push(event);
  }

  protected addUndecryptable(event: Undecryptable): void {
    this.#undecryptable.set(event.eventId, event);
  }

  /** Sends through the client, which encrypts where the room is encrypted. */
  abstract sendContent(roomId: string, type: string, content: Record<string, unknown>): Promise<string>;
  /** Resolves once the client itself knows the room, and that it is encrypted if it is. */
  protected abstract waitForRoom(roomId: string, encrypted: boolean): Promise<void>;
  /** Whether the client knows a device of the user to encrypt for. */
  protected abstract knowsDevice(roomId: string, userId: string): Promise<boolean>;
  abstract close(): Promise<void>;

  request<T = Record<string, unknown>>(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<T> {
    return request<T>(this.credentials.homeserver, method, path, { token: this.credentials.accessToken, body });
  }

  async #create(body: Record<string, unknown>, encrypted: boolean, rotation: Record<string, unknown> = {}): Promise<string> {
    const { room_id: roomId } = await this.request<{ room_id: string }>("POST", "v3/createRoom", {
      preset: "private_chat",
      initial_state: encrypted ? [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2", ...rotation } }] : [],
      ...body,
    });
    await this.waitForRoom(roomId, encrypted);
    return roomId;
  }

  async createDm(userId: string, options: { encrypted: boolean }): Promise<string> {
    const roomId = await this.#create({ preset: "trusted_private_chat", is_direct: true, invite: [userId] }, options.encrypted);
    const path = `v3/user/${encodeURIComponent(this.userId)}/account_data/m.direct`;
    const direct = await this.request<Record<string, string[]>>("GET", path).catch((): Record<string, string[]> => ({}));
    await this.request("PUT", path, { ...direct, [userId]: [...(direct[userId] ?? []), roomId] });
    return roomId;
  }

  createRoom(options: RoomOptions): Promise<string> {
    const { invite = [], name = "A room", preset = "private_chat", rotation = {} } = options;
    return this.#create({ invite, name, preset }, options.encrypted, rotation);
  }

  async invite(roomId: string, userId: string): Promise<void> {
    await this.request("POST", `v3/rooms/${encodeURIComponent(roomId)}/invite`, { user_id: userId });
  }

  async join(roomIdOrAlias: string): Promise<string> {
    const { room_id: roomId } = await this.request<{ room_id: string }>("POST", `v3/join/${encodeURIComponent(roomIdOrAlias)}`, {});
    await this.waitForRoom(roomId, await this.#isEncrypted(roomId));
    return roomId;
  }

  async leave(roomId: string): Promise<void> {
    await this.request("POST", `v3/rooms/${encodeURIComponent(roomId)}/leave`, {});
  }

  async #isEncrypted(roomId: string): Promise<boolean> {
    const state = await this.request<Record<string, unknown>[]>("GET", `v3/rooms/${encodeURIComponent(roomId)}/state`);
    return state.some((event) => event.type === "m.room.encryption");
  }

  async waitForMember(roomId: string, userId: string, options: WaitOptions = {}): Promise<void> {
    const timeout = options.timeoutMs ?? DEFAULT_WAIT_MS;
    await until(`${userId} to join ${roomId}`, timeout, async () => {
      const { joined } = await this.request<{ joined: Record<string, unknown> }>("GET", `v3/rooms/${encodeURIComponent(roomId)}/joined_members`);
      return userId in joined;
    }, 250);
    if (await this.#isEncrypted(roomId)) {
      await until(`${this.client} to see a device of ${userId}`, timeout, () => this.knowsDevice(roomId, userId), 250);
    }
  }

  async encryptRoom(roomId: string): Promise<void> {
    await this.request("PUT", `v3/rooms/${encodeURIComponent(roomId)}/state/m.room.encryption/`, { algorithm: "m.megolm.v1.aes-sha2" });
    await this.waitForRoom(roomId, true);
  }

  send(roomId: string, text: string): Promise<string> {
    return this.sendContent(roomId, "m.room.message", { msgtype: "m.text", body: text });
  }

  reply(roomId: string, text: string, toEventId: string): Promise<string> {
    return this.sendContent(roomId, "m.room.message", { msgtype: "m.text", body: text, "m.relates_to": { "m.in_reply_to": { event_id: toEventId } } });
  }

  #thread(rootId: string): Record<string, unknown> {
    return { rel_type: "m.thread", event_id: rootId, is_falling_back: true, "m.in_reply_to": { event_id: rootId } };
  }

  sendInThread(roomId: string, text: string, rootId: string): Promise<string> {
    return this.sendContent(roomId, "m.room.message", { msgtype: "m.text", body: text, "m.relates_to": this.#thread(rootId) });
  }

  mention(roomId: string, userId: string, text: string, threadRootId?: string): Promise<string> {
    return this.sendContent(roomId, "m.room.message", {
      msgtype: "m.text",
      body: `${userId}: ${text}`,
      format: "org.matrix.custom.html",
      formatted_body: `<a href="https://matrix.to/#/${userId}">${userId}</a>: ${escapeHtml(text)}`,
      "m.mentions": { user_ids: [userId] },
      ...(threadRootId ? { "m.relates_to": this.#thread(threadRootId) } : {}),
    });
  }

  react(roomId: string, eventId: string, key: string): Promise<string> {
    return this.sendContent(roomId, "m.reaction", { "m.relates_to": { rel_type: "m.annotation", event_id: eventId, key } });
  }

  edit(roomId: string, eventId: string, text: string): Promise<string> {
    return this.sendContent(roomId, "m.room.message", {
      msgtype: "m.text",
      body: `* ${text}`,
      "m.new_content": { msgtype: "m.text", body: text },
      "m.relates_to": { rel_type: "m.replace", event_id: eventId },
    });
  }

  async redact(roomId: string, eventId: string): Promise<string> {
    const path = `v3/rooms/${encodeURIComponent(roomId)}/redact/${encodeURIComponent(eventId)}/${crypto.randomUUID()}`;
    return (await this.request<{ event_id: string }>("PUT", path, {})).event_id;
  }

  waitForEvent(fits: (event: SeenEvent) => boolean, options: WaitOptions = {}): Promise<SeenEvent> {
    return until(options.what ?? "an event", options.timeoutMs ?? DEFAULT_WAIT_MS, () => this.events.find(fits), 50).catch((error: Error) => {
      const last = this.events.slice(-8).map((event) => `${event.sender} ${event.type} ${JSON.stringify(event.body)}`);
      const failed = this.undecryptable.map((event) => `${event.sender}: ${event.reason}`);
      throw new Error(`${error.message}\n${this.client} of ${this.userId} saw last:\n  ${last.join("\n  ")}${failed.length ? `\nand could not decrypt:\n  ${failed.join("\n  ")}` : ""}`);
    });
  }

  waitForMessage(from: string, containing: string, options: WaitOptions = {}): Promise<SeenEvent> {
    return this.waitForEvent(
      (event) => event.sender === from && event.type === "m.room.message" && (event.newBody ?? event.body).includes(containing),
      { what: `a message of ${from} with "${containing}"`, ...options },
    );
  }

  wire(roomId: string, eventId: string): Promise<{ type: string; content: Record<string, unknown> }> {
    return this.request("GET", `v3/rooms/${encodeURIComponent(roomId)}/event/${encodeURIComponent(eventId)}`);
  }
}
