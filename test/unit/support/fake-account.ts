/**
 * An account without a homeserver: a complete `Account` whose inbox is filled by
 * the test and whose outbox remembers what was sent. It keeps the promises the
 * contract makes (keys name a send for ever, unsettled rows come again, nothing
 * works after `close`), so that code tested on it meets them again in the core.
 */
import type {
  Account,
  EditText,
  FetchedMessage,
  FoundUser,
  Health,
  Identity,
  InboundEvent,
  InboundMessage,
  MemberInfo,
  OutboxEntry,
  PendingInvite,
  RoomInfo,
  SendText,
  Sent,
} from "../../../ts/native/account.ts";
import type { BackupReset, BootstrapOptions, Bootstrapped, EncryptionStatus, Recovered, Restored } from "../../../ts/native/encryption.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import type { SenderCheck } from "../../../ts/native/trust.ts";
import type { Poll, Reaction, ReadMessages, ReadPage, SendLocation, SendPoll } from "../../../ts/native/past.ts";
import type { DirectInspection, DirectRepair, OwnDevice, ProfileOutcome, ProfileWish } from "../../../ts/native/upkeep.ts";
import { FakeManagement } from "./fake-management.ts";
import { FakeQueues } from "./fake-queues.ts";

export type Outgoing =
  | ({ type: "text"; eventIds: string[] } & SendText)
  | ({ type: "edit" } & EditText)
  | { type: "reaction"; roomId: string; eventId: string; emoji: string }
  | { type: "redaction"; roomId: string; eventId: string; reason?: string }
  | ({ type: "poll" } & SendPoll)
  | { type: "vote"; roomId: string; eventId: string; answers: string[] }
  | { type: "poll-end"; roomId: string; eventId: string }
  | ({ type: "location" } & SendLocation);

type RowState = "waiting" | "leased" | "adopted" | "settled" | "dead";

interface Row {
  event: InboundEvent;
  state: RowState;
  attempts: number;
  reason?: string;
}

/** An event as a test states it: what it leaves out is filled in. */
export type Draft<T extends InboundEvent = InboundEvent> = T extends InboundEvent ? Partial<Omit<T, "seq">> & { type: T["type"] } : never;

export const BOT: Identity = { userId: "@bot:example.org", deviceId: "BOTDEVICE", homeserver: "https://example.org" };

export function emptyHealth(): Health {
  return {
    version: 0,
    sync: { state: "starting", consecutiveFailures: 0 },
    inbox: { waiting: 0, leased: 0, adopted: 0, deadLetters: 0, gaps: 0 },
    undecryptable: { waiting: 0, causes: [], sustained: false },
    outbox: { queued: 0, failed: 0 },
    duplicateOneTimeKeys: false,
    notices: [],
    changedIdentities: [],
  };
}

export class FakeAccount extends FakeManagement implements Account {
  readonly identity: Identity;
  readonly queues = new FakeQueues();
  started = false;
  closed = false;
  readonly rows: Row[] = [];
  readonly sent: Outgoing[] = [];
  readonly typing: { roomId: string; typing: boolean }[] = [];
  readonly receipts: { roomId: string; eventId: string; threadRootId?: string; kind: string }[] = [];
  readonly joined: { room: string; via: string[] }[] = [];
  readonly rooms = new Map<string, RoomInfo>();
  readonly members = new Map<string, MemberInfo>();
  readonly aliases = new Map<string, { roomId: string; via: string[] }>();
  readonly messages = new Map<string, FetchedMessage>();
  /** Reactions by the event they are for. */
  readonly reacted = new Map<string, Reaction[]>();
  readonly polls = new Map<string, Poll>();
  readonly pins = new Map<string, string[]>();
  /** What reading a room's past gives, and what was asked for. */
  past: ReadPage = { messages: [], more: false };
  readonly asked: ReadMessages[] = [];
  readonly ignored = new Set<string>();
  readonly directory: FoundUser[] = [];
  pendingInvites: PendingInvite[] = [];
  readonly left: string[] = [];
  /** Set to make the next joins fail. */
  joinError: Error | undefined;
  /** Set to make the next sends fail. */
  sendError: Error | undefined;
  encryption: Partial<EncryptionStatus> = {};
  /** The recovery key that the account keeps. */
  storedKey: string | undefined;
  /** What setting up encryption was asked for, and what it answers; an error is thrown. */
  readonly setups: unknown[] = [];
  bootstrapped: Partial<Bootstrapped> | Error = {};
  recovered: Partial<Recovered> | Error = {};
  /** The same without a key being given. */
  recoveredByKept: Partial<Recovered> | Error = {};
  restored: Partial<Restored> | Error = {};
  backupReset: Partial<BackupReset> | Error = {};
  /** What is known of senders now, by user id, and what was asked of them; an error is thrown once. */
  readonly senders = new Map<string, Partial<SenderCheck>>();
  senderError: Error | undefined;
  readonly checks: { roomId: string; userId: string; sessionId?: string }[] = [];
  /** The user's devices; ours is among them. */
  ownDevices: OwnDevice[] = [];
  /** What a homeserver would say to a deletion; nothing lets it happen. */
  deleteError: (ids: string[], password?: string) => Error | undefined = () => undefined;
  inspection: Partial<DirectInspection> = {};
  repaired: Partial<DirectRepair> = {};
  /** What the profile was asked to say, and what that changed; an error is thrown. */
  readonly wishes: ProfileWish[] = [];
  profileOutcome: Partial<ProfileOutcome> | Error = {};
  #health = emptyHealth();
  #keys = new Map<string, OutboxEntry>();
  #events = 0;
  #waiters = new Set<() => void>();

  constructor(identity: Identity = BOT) {
    super();
    this.identity = identity;
    this.ownDevices = [{ deviceId: identity.deviceId, displayName: "OpenClaw Gateway", current: true }];
  }

  // ---- what a test does -------------------------------------------------

  /** A room the bot is in. */
  room(roomId: string, info: Partial<RoomInfo> = {}): RoomInfo {
    const room: RoomInfo = {
      roomId,
      altAliases: [],
      encrypted: false,
      joinedMemberCount: 2,
      invitedMemberCount: 0,
      membership: "join",
      directTargets: [],
      memberIsDirect: false,
      otherMembers: [],
      serviceMembers: [],
      space: false,
      ...info,
    };
    this.rooms.set(roomId, room);
    return room;
  }

  memberOf(roomId: string, userId: string, displayName?: string): void {
    this.members.set(`${roomId} ${userId}`, { userId, displayName, membership: "join", powerLevel: 0 });
  }

  /** Puts an event into the inbox. */
  push<T extends InboundEvent>(event: Draft<T>): InboundEvent {
    const seq = this.rows.length + 1;
    const base = {
      seq,
      roomId: "!room:example.org",
      eventId: `$in${seq}`,
      sender: "@alice:example.org",
      originServerTs: 1_700_000_000_000 + seq,
      receivedAt: 1_700_000_000_000 + seq,
      encrypted: false,
      attempts: 0,
      late: false,
    };
    const message = { kind: "text", body: "", text: "", pills: [], live: false };
    const full = { ...base, ...(event.type === "message" ? message : {}), ...event } as InboundEvent;
    this.rows.push({ event: full, state: "waiting", attempts: full.attempts });
    this.#wake();
    return full;
  }

  /** A text message, the shortest way. */
  say(text: string, event: Partial<Omit<InboundMessage, "type" | "seq">> = {}): InboundMessage {
    return this.push<InboundMessage>({ type: "message", body: text, text, ...event }) as InboundMessage;
  }

  stateOf(event: { seq: number }): RowState | undefined {
    return this.rows[event.seq - 1]?.state;
  }

  reasonOf(event: { seq: number }): string | undefined {
    return this.rows[event.seq - 1]?.reason;
  }

  /** As after a restart: what was not settled is handed out again. */
  restartInbox(): void {
    for (const row of this.rows) if (row.state === "leased" || row.state === "adopted") row.state = "waiting";
    this.#wake();
  }

  setHealth(change: Partial<Omit<Health, "version">>): void {
    this.#health = { ...this.#health, ...change, version: this.#health.version + 1 };
    this.#wake();
  }

  /** Resolves once the condition holds; the test's own time-out ends a wait in vain. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  texts(): string[] {
    return this.sent.flatMap((one) => (one.type === "text" ? [one.markdown] : []));
  }

  // ---- Account ----------------------------------------------------------

  start(): void {
    this.#open();
    this.started = true;
    this.setHealth({ sync: { state: "running", consecutiveFailures: 0, lastSuccessAt: Date.now() } });
  }

  async *batches(options: { max?: number } = {}): AsyncGenerator<InboundEvent[]> {
    for (;;) {
      while (!this.closed && !this.rows.some((row) => row.state === "waiting")) await this.#change();
      if (this.closed) return;
      const rows = this.rows.filter((row) => row.state === "waiting").slice(0, options.max ?? 32);
      for (const row of rows) row.state = "leased";
      yield rows.map((row) => ({ ...row.event, attempts: row.attempts++ }));
    }
  }

  async adopt(seqs: number[]): Promise<void> {
    this.#open();
    for (const row of this.#rows(seqs)) if (row.state === "leased") row.state = "adopted";
  }

  async settle(seqs: number[]): Promise<void> {
    this.#open();
    for (const row of this.#rows(seqs)) row.state = "settled";
    this.#wake();
  }

  async fail(seq: number, reason: string): Promise<{ deadLetter: boolean }> {
    this.#open();
    const [row] = this.#rows([seq]);
    if (!row) throw new MatrixError("not_found", `no row ${seq}`);
    row.reason = reason;
    const deadLetter = row.attempts >= 3;
    row.state = deadLetter ? "dead" : "waiting";
    this.#wake();
    return { deadLetter };
  }

  async sendText(request: SendText): Promise<Sent> {
    this.#open();
    const known = request.key === undefined ? undefined : this.#keys.get(request.key);
    if (known) return { eventIds: known.eventIds, state: "sent" };
    if (this.sendError) {
      if (request.key) this.#keys.set(request.key, { key: request.key, state: "failed", eventIds: [], inDoubt: false, error: this.sendError.message });
      throw this.sendError;
    }
    const count = Math.max(1, Math.ceil(request.markdown.length / request.chunkLimit));
    const eventIds = Array.from({ length: count }, () => this.#eventId());
    this.sent.push({ type: "text", ...request, eventIds });
    if (request.key) this.#keys.set(request.key, { key: request.key, state: "sent", eventIds, inDoubt: false });
    return { eventIds, state: "sent" };
  }

  async editText(request: EditText): Promise<Sent> {
    return this.#once(request.key, () => this.sent.push({ type: "edit", ...request }));
  }

  async react(request: { roomId: string; eventId: string; emoji: string; key?: string }): Promise<Sent> {
    return this.#once(request.key, () => this.sent.push({ type: "reaction", roomId: request.roomId, eventId: request.eventId, emoji: request.emoji }));
  }

  async redact(request: { roomId: string; eventId: string; reason?: string; key?: string }): Promise<Sent> {
    return this.#once(request.key, () => this.sent.push({ type: "redaction", roomId: request.roomId, eventId: request.eventId, ...(request.reason === undefined ? {} : { reason: request.reason }) }));
  }

  async readMessages(request: ReadMessages): Promise<ReadPage> {
    this.#open();
    this.asked.push(request);
    return this.past;
  }

  async reactions(_roomId: string, eventId: string): Promise<Reaction[]> {
    this.#open();
    return this.reacted.get(eventId) ?? [];
  }

  async pinned(roomId: string): Promise<string[]> {
    this.#open();
    return this.pins.get(roomId) ?? [];
  }

  async setPinned(roomId: string, eventId: string, pinned: boolean): Promise<string[]> {
    const rest = (await this.pinned(roomId)).filter((pin) => pin !== eventId);
    const pins = pinned ? [...rest, eventId] : rest;
    this.pins.set(roomId, pins);
    return pins;
  }

  async sendPoll(request: SendPoll): Promise<Sent> {
    return this.#once(request.key, () => this.sent.push({ type: "poll", ...request }));
  }

  async vote(request: { roomId: string; eventId: string; answers: string[]; key?: string }): Promise<Sent> {
    return this.#once(request.key, () => this.sent.push({ type: "vote", roomId: request.roomId, eventId: request.eventId, answers: request.answers }));
  }

  async endPoll(roomId: string, eventId: string, key?: string): Promise<Sent> {
    return this.#once(key, () => this.sent.push({ type: "poll-end", roomId, eventId }));
  }

  async poll(_roomId: string, eventId: string): Promise<Poll | undefined> {
    this.#open();
    return this.polls.get(eventId);
  }

  async sendLocation(request: SendLocation): Promise<Sent> {
    return this.#once(request.key, () => this.sent.push({ type: "location", ...request }));
  }

  async outboxEntry(key: string): Promise<OutboxEntry> {
    this.#open();
    return this.#keys.get(key) ?? { key, state: "unknown", eventIds: [], inDoubt: false };
  }

  async setTyping(roomId: string, typing: boolean): Promise<void> {
    this.typing.push({ roomId, typing });
  }

  async sendReceipt(request: { roomId: string; eventId: string; threadRootId?: string; kind: "public" | "private" }): Promise<void> {
    this.#open();
    this.receipts.push(request);
  }

  async joinRoom(roomIdOrAlias: string, via: string[] = []): Promise<{ roomId: string }> {
    this.#open();
    if (this.joinError) throw this.joinError;
    this.joined.push({ room: roomIdOrAlias, via });
    return { roomId: roomIdOrAlias };
  }

  async leaveRoom(roomId: string): Promise<void> {
    this.#open();
    this.left.push(roomId);
    this.rooms.delete(roomId);
  }

  async roomInfo(roomId: string): Promise<RoomInfo> {
    this.#open();
    const room = this.rooms.get(roomId);
    if (!room) throw new MatrixError("not_found", `unknown room ${roomId}`);
    return room;
  }

  async member(roomId: string, userId: string): Promise<MemberInfo | undefined> {
    this.#open();
    return this.members.get(`${roomId} ${userId}`);
  }

  async resolveAlias(alias: string): Promise<{ roomId: string; via: string[] } | undefined> {
    this.#open();
    return this.aliases.get(alias);
  }

  async openDm(userId: string): Promise<{ roomId: string; created: boolean }> {
    this.#open();
    const existing = [...this.rooms.values()].find((room) => room.directTargets.includes(userId));
    if (existing) return { roomId: existing.roomId, created: false };
    const roomId = `!dm-${userId.slice(1).replace(":", "-")}:example.org`;
    this.room(roomId, { directTargets: [userId], otherMembers: [userId] });
    return { roomId, created: true };
  }

  async findDm(userId: string): Promise<string | undefined> {
    this.#open();
    return [...this.rooms.values()].find((room) => room.directTargets.includes(userId))?.roomId;
  }

  async fetchMessage(roomId: string, eventId: string): Promise<FetchedMessage | undefined> {
    this.#open();
    return this.messages.get(`${roomId} ${eventId}`);
  }

  async recentMessages(roomId: string, limit: number): Promise<FetchedMessage[]> {
    this.#open();
    return [...this.messages].flatMap(([key, message]) => (key.startsWith(`${roomId} `) ? [message] : [])).slice(-limit);
  }

  async invites(): Promise<PendingInvite[]> {
    this.#open();
    return this.pendingInvites;
  }

  async ignores(userId: string): Promise<boolean> {
    this.#open();
    return this.ignored.has(userId);
  }

  async searchUsers(term: string, limit: number): Promise<FoundUser[]> {
    this.#open();
    return this.directory.filter((user) => user.displayName?.toLowerCase().includes(term.toLowerCase())).slice(0, limit);
  }

  async encryptionStatus(): Promise<EncryptionStatus> {
    this.#open();
    return {
      encryptionEnabled: true,
      userId: this.identity.userId,
      deviceId: this.identity.deviceId,
      verified: false,
      localVerified: true,
      crossSigningVerified: false,
      signedByOwner: false,
      recoveryKeyStored: false,
      backup: { keyLoadAttempted: false, issue: "missing-server-backup" },
      serverDeviceKnown: true,
      pendingVerifications: 0,
      crossSigning: { masterKeyPublished: false, selfSigningKeyPublished: false, userSigningKeyPublished: false },
      privateKeysHere: false,
      ...this.encryption,
    };
  }

  async recoveryKey(): Promise<string | undefined> {
    this.#open();
    return this.storedKey;
  }

  async bootstrapEncryption(options: BootstrapOptions): Promise<Bootstrapped> {
    return {
      identityCreated: false,
      identityReplaced: false,
      deviceSigned: false,
      recoveryKeyCreated: false,
      backupCreated: false,
      ...this.#setUp({ bootstrap: options }, this.bootstrapped),
    };
  }

  async recover(recoveryKey?: string): Promise<Recovered> {
    const kept = recoveryKey === undefined;
    return {
      recoveryKeyAccepted: true,
      backupUsable: true,
      deviceOwnerVerified: true,
      refusals: [],
      ...this.#setUp({ recover: kept ? "the kept one" : recoveryKey }, kept ? this.recoveredByKept : this.recovered),
    };
  }

  async restoreBackup(recoveryKey?: string): Promise<Restored> {
    return { version: "1", imported: 0, total: 0, loadedFromSecretStorage: false, ...this.#setUp({ restore: recoveryKey }, this.restored) };
  }

  async resetBackup(rotateRecoveryKey: boolean): Promise<BackupReset> {
    return { createdVersion: "2", recoveryKeyCreated: rotateRecoveryKey, ...this.#setUp({ reset: rotateRecoveryKey }, this.backupReset) };
  }

  async checkSender(request: { roomId: string; userId: string; sessionId?: string }): Promise<SenderCheck> {
    this.#open();
    this.checks.push(request);
    const error = this.senderError;
    this.senderError = undefined;
    if (error) throw error;
    return { identityChanged: false, ...this.senders.get(request.userId) };
  }

  async acknowledgeIdentity(userId: string): Promise<boolean> {
    this.#open();
    const known = this.senders.get(userId);
    const changed = known?.identityChanged ?? false;
    this.senders.set(userId, { ...known, identityChanged: false });
    this.setHealth({ changedIdentities: this.#health.changedIdentities.filter((one) => one.userId !== userId) });
    return changed;
  }

  async devices(): Promise<OwnDevice[]> {
    this.#open();
    return this.ownDevices.map((device) => ({ ...device }));
  }

  async deleteDevices(ids: string[], password?: string): Promise<void> {
    this.#open();
    const error = this.deleteError(ids, password);
    if (error) throw error;
    this.ownDevices = this.ownDevices.filter((device) => !ids.includes(device.deviceId));
  }

  async inspectDirect(userId: string): Promise<DirectInspection> {
    this.#open();
    return { remoteUserId: userId, selfUserId: this.identity.userId, mappedRooms: [], discoveredStrictRoomIds: [], ...this.inspection };
  }

  async repairDirect(userId: string): Promise<DirectRepair> {
    return { inspection: await this.inspectDirect(userId), encrypted: false, changed: true, contentBefore: "{}", contentAfter: "{}", ...this.repaired };
  }

  async setProfile(wish: ProfileWish): Promise<ProfileOutcome> {
    this.#open();
    this.wishes.push(wish);
    if (this.profileOutcome instanceof Error) throw this.profileOutcome;
    return { displayNameUpdated: wish.displayName !== undefined, avatarUpdated: false, convertedAvatar: false, ...this.profileOutcome };
  }

  #setUp<T>(asked: unknown, answer: T | Error): T {
    this.#open();
    this.setups.push(asked);
    if (answer instanceof Error) throw answer;
    return answer;
  }

  async health(): Promise<Health> {
    return this.#health;
  }

  async healthAfter(since: number): Promise<Health | undefined> {
    while (!this.closed && this.#health.version <= since) await this.#change();
    return this.closed ? undefined : this.#health;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.endVerifications();
    this.#wake();
  }

  // ---- inside -----------------------------------------------------------

  #open(): void {
    if (this.closed) throw new MatrixError("closed", "the account is closed");
  }

  #rows(seqs: number[]): Row[] {
    return seqs.flatMap((seq) => this.rows[seq - 1] ?? []);
  }

  #eventId(): string {
    this.#events += 1;
    return `$out${this.#events}`;
  }

  #once(key: string | undefined, record: () => void): Sent {
    this.#open();
    const known = key === undefined ? undefined : this.#keys.get(key);
    if (known) return { eventIds: known.eventIds, state: "sent" };
    if (this.sendError) throw this.sendError;
    record();
    const eventIds = [this.#eventId()];
    if (key) this.#keys.set(key, { key, state: "sent", eventIds, inDoubt: false });
    return { eventIds, state: "sent" };
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.add(resolve));
  }

  #wake(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const resolve of waiters) resolve();
  }
}
