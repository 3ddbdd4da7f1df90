/**
 * The account as the rest of the plugin sees it: the Rust core behind a typed
 * interface, so that everything above runs in tests on a fake.
 *
 * Times are milliseconds since the Unix epoch, durations milliseconds, sizes
 * bytes. Every method rejects with a `MatrixError` (see errors.ts) and with
 * `closed` once `close()` has been called.
 */
import type { OpenQueuesOptions, Queues } from "./queues.ts";

import type { EncryptionSetup } from "./encryption.ts";
import type { ChangedIdentity, SenderTrust, Trust } from "./trust.ts";
import type { DirectoryEntry, LookUp } from "./directory.ts";
import type { LoggedOut, PendingLogin } from "./login.ts";
import type { RoomManagement } from "./manage.ts";
import type { MediaInfo, MediaTransfer } from "./media.ts";
import type { RoomPast } from "./past.ts";
import type { Renewal, Renewed, Upkeep } from "./upkeep.ts";
import type { VerificationControl } from "./verification.ts";

export type { EncryptionStatus } from "./encryption.ts";
export type { Downloaded, MediaInfo, SendFile, SendMedia } from "./media.ts";

/** How the account proves who it is. Secrets arrive resolved, never as references. */
export type AccountAuth =
  | { type: "accessToken"; accessToken: string; userId?: string; deviceId?: string }
  | { type: "password"; userId: string; password: string; deviceId?: string }
  /** No secret in the configuration any more: use the session stored at the last login. */
  | { type: "stored"; userId?: string; deviceId?: string };

/** What the network guard lets through (NET-1 … NET-6). */
export interface NetworkOptions {
  /** Permit private, loopback, link-local, CGNAT and single-label homeservers. */
  allowPrivateNetwork: boolean;
  /** `http:`, `https:` or `socks5:` URL; nothing is read from the environment. */
  proxy?: string;
  /** Path of a PEM file with further roots, `NODE_EXTRA_CA_CERTS`. */
  extraCaCerts?: string;
}

export interface OpenAccountOptions {
  /** Account id of the configuration, for logs and error texts. */
  accountId: string;
  /** The account's own folder; created 0700. Its inside belongs to the core. */
  stateDir: string;
  /** Base URL of the homeserver. */
  homeserver: string;
  auth: AccountAuth;
  /** `initial_device_display_name` of a new login. */
  deviceName: string;
  encryption: boolean;
  network: NetworkOptions;
  /** Wraps the store key (ENC-11). */
  storePassphrase?: string;
  /** Timeline limit of the first sync, if the configuration sets one. */
  initialSyncLimit?: number;
  /** How long an undecryptable event waits for its key. */
  undecryptableRetryHours: number;
  /** Bounds of the gap filler. */
  catchUp: { maxHours: number; maxEvents: number };
  /** An edit changes the message while it waits to be handed out. */
  edits: boolean;
  /** MSC4268. */
  shareHistoryOnInvite: boolean;
  /** Which devices get the keys of what is sent: all, those their owners have signed, or all unless somebody verified has changed (ENC-12). */
  keyRecipients: "all" | "cross-signed" | "error-on-change";
  /** What others see of the account while it syncs. */
  presence: "off" | "online" | "unavailable";
}

/** Who the homeserver says we are. */
export interface Identity {
  userId: string;
  deviceId: string;
  homeserver: string;
}

/** What every item of the inbox carries. */
export interface InboundBase {
  /** Row of the inbox; the handle for `adopt`, `settle` and `fail`. */
  seq: number;
  roomId: string;
  /** Absent only for invites, whose stripped state carries no event id. */
  eventId?: string;
  sender: string;
  originServerTs: number;
  /** When this process' inbox stored it. */
  receivedAt: number;
  /** Arrived encrypted and was decrypted. */
  encrypted: boolean;
  /** Device trust of the sender, for encrypted events only; of a message and its edit the lesser. */
  senderTrust?: SenderTrust;
  /** The Megolm session `senderTrust` is about; `checkSender` says what is known of its device by now. */
  sessionId?: string;
  /** How often it was handed out before. */
  attempts: number;
  /** Waited for its key or came out of a gap: older than what surrounds it. */
  late: boolean;
}

export type MessageKind = "text" | "emote" | "notice" | "image" | "file" | "audio" | "video" | "location" | "sticker" | "gallery" | "poll" | "unknown";

/** Relation of a message to the thread and to the message it answers. */
export interface MessageRelation {
  /** Root event of the thread the message is in. */
  threadRootId?: string;
  /** The event it replies to; the thread fallback is not reported as a reply. */
  replyToId?: string;
}

/** `m.mentions` (MSC3952) as sent; whether to believe it is policy. */
export interface MentionsContent {
  userIds: string[];
  room: boolean;
}

export interface InboundMessage extends InboundBase, MessageRelation {
  type: "message";
  kind: MessageKind;
  /** Body without reply fallback; for media the caption, or empty. */
  body: string;
  /** `formatted_body` reduced to the spec's allowed tags, without reply fallback. */
  formattedBody?: string;
  /** Text of `formattedBody` as a person reads it (pills as names), else `body`. */
  text: string;
  mentions?: MentionsContent;
  /** User ids of the matrix.to and matrix: links in `formattedBody`, with their visible labels. */
  pills: { userId: string; label: string }[];
  /** Files; several in a gallery (MSC4274). */
  media: MediaInfo[];
  /** `geo_uri` of a location. */
  geoUri?: string;
  /** The homeserver bundled an edit: body and text are the newest, this is its event. */
  editedBy?: string;
  /** MSC4357: the sender is still writing this message. */
  live: boolean;
}

/** A later edit of a message we have seen. */
export interface InboundEdit extends InboundBase {
  type: "edit";
  targetId: string;
  body: string;
  formattedBody?: string;
  text: string;
  live: boolean;
}

export interface InboundReaction extends InboundBase {
  type: "reaction";
  targetId: string;
  key: string;
}

export interface InboundRedaction extends InboundBase {
  type: "redaction";
  targetId: string;
  reason?: string;
}

/** Somebody invited us. */
export interface InboundInvite extends InboundBase {
  type: "invite";
  isDirect: boolean;
  roomName?: string;
  canonicalAlias?: string;
  /** The room is encrypted, as far as the stripped state says. */
  roomEncrypted: boolean;
}

/** A membership other than our own invite changed. */
export interface InboundMembership extends InboundBase {
  type: "membership";
  userId: string;
  membership: "join" | "leave" | "ban" | "invite" | "knock";
  previous?: "join" | "leave" | "ban" | "invite" | "knock";
  /** It is about ourselves. */
  own: boolean;
}

/**
 * The inbox says that a part of the room's history is not read. It stands in the room's order, before
 * the first event after that part.
 */
export interface InboundSkipped extends InboundBase {
  type: "skipped";
  /** `catchUp.maxHours`, `catchUp.maxEvents`, too many pages without a message, or the homeserver does not give it. */
  bound: "maxHours" | "maxEvents" | "pages" | "refused";
  /** Messages that were seen and left out; there may be more. */
  atLeast: number;
  /** When the last event before the part came here. */
  since?: number;
  /** When the first event after the part was sent. */
  until?: number;
  /** What the homeserver said. */
  detail?: string;
}

/** Anything else that has a meaning for later features; never handed to the agent as text. */
export interface InboundOther extends InboundBase {
  type: "other";
  eventType: string;
  /** Content as JSON text, at most 64 KiB. */
  content: string;
}

export type InboundEvent =
  | InboundMessage
  | InboundEdit
  | InboundReaction
  | InboundRedaction
  | InboundInvite
  | InboundMembership
  | InboundSkipped
  | InboundOther;

/** Where a message goes. */
export interface SendTarget {
  roomId: string;
  /** Root of the thread to stay in. */
  threadRootId?: string;
  /** The message it quotes (`m.in_reply_to`); inside a thread a real quote, not the fallback. */
  replyToId?: string;
}

export interface SendText extends SendTarget {
  /** Markdown; the core renders HTML and splits it into as many events as needed. */
  markdown: string;
  kind: "text" | "notice" | "emote";
  /**
   * Names this send for ever: a second send under the same key, in this process
   * or a later one, makes no second event and answers with the first one's ids.
   * Left out, the core makes a random one.
   */
  key?: string;
  /** Characters per event, before the 64 KiB event limit. */
  chunkLimit: number;
  chunkMode: "length" | "newline";
  /** MSC4357: a draft that will be edited. */
  live?: boolean;
  /** How tables are rendered. */
  tables: "block" | "bullets" | "code" | "off";
  /** Further keys of the first event's content, for clients that know OpenClaw; none replaces one of Matrix's. */
  extra?: Record<string, unknown>;
  /** How long to wait for the homeserver; the row stays queued after it. Default 30 s. */
  waitMs?: number;
}

export interface EditText {
  roomId: string;
  eventId: string;
  markdown: string;
  kind: "text" | "notice" | "emote";
  key?: string;
  live?: boolean;
  tables: "block" | "bullets" | "code" | "off";
  /** A draft edit may be dropped when a newer edit of the same event waits behind it; a final one never is. */
  draft: boolean;
  /** Carries OpenClaw's mark for push rules: this edit makes a preview the answer (PSH-1). */
  finalized?: boolean;
  /** As in `SendText`; what a message carried and its edit does not is gone with it. */
  extra?: Record<string, unknown>;
  waitMs?: number;
}

/** What became of a send. */
export interface Sent {
  /** In order; empty while everything is still queued. */
  eventIds: string[];
  /** `queued`: durably stored, the homeserver has not taken all of it yet. `overtaken`: a draft edit that a newer edit made needless. */
  state: "sent" | "queued" | "overtaken";
}

/** What the outbox knows of a key, for the host's `reconcileUnknownSend`. */
export interface OutboxEntry {
  key: string;
  state: "sent" | "queued" | "failed" | "overtaken" | "unknown";
  eventIds: string[];
  /** It failed, and the homeserver may have taken an event that it never confirmed. */
  inDoubt: boolean;
  error?: string;
}

/** What is known of a room without asking the homeserver (members excepted). */
export interface RoomInfo {
  roomId: string;
  name?: string;
  topic?: string;
  canonicalAlias?: string;
  altAliases: string[];
  encrypted: boolean;
  joinedMemberCount: number;
  invitedMemberCount: number;
  membership: "join" | "invite" | "leave" | "knock" | "ban";
  /** User ids of `m.direct` entries that name this room. */
  directTargets: string[];
  /** `is_direct` of our own or the other's member event. */
  memberIsDirect: boolean;
  /** Joined members other than us, at most five, for the DM decision. */
  otherMembers: string[];
  /** MSC4171 `service_members`. */
  serviceMembers: string[];
  /** Successor room if tombstoned. */
  replacementRoomId?: string;
  /** It holds other rooms instead of messages. */
  space: boolean;
}

export interface MemberInfo {
  userId: string;
  displayName?: string;
  avatarUrl?: string;
  membership: "join" | "leave" | "ban" | "invite" | "knock";
  /** `CREATOR_POWER` for a creator who stands above all levels. */
  powerLevel: number;
}

/** A message looked up for quotes, thread roots and reactions. */
export interface FetchedMessage {
  eventId: string;
  sender: string;
  senderName?: string;
  originServerTs: number;
  kind: MessageKind;
  text: string;
  media: MediaInfo[];
  threadRootId?: string;
  /** Why there is no text: still undecryptable, redacted, or not a message. */
  unavailable?: "undecryptable" | "redacted" | "not-a-message";
}

/** An invite that waits for an answer. */
export interface PendingInvite {
  roomId: string;
  /** Absent if the invite does not say. */
  inviter?: string;
  roomName?: string;
  canonicalAlias?: string;
  isDirect: boolean;
}

/** Somebody the homeserver's user directory knows. */
export interface FoundUser {
  userId: string;
  displayName?: string;
}

/** Sync, queues and decryption at a glance; the base of `channels status`. */
export interface Health {
  /** Grows with every change. */
  version: number;
  sync: {
    state: "starting" | "running" | "retrying" | "blocked" | "stopped";
    lastSuccessAt?: number;
    consecutiveFailures: number;
    /** Set while retrying or blocked. */
    error?: { code: string; message: string };
    /** When the next try starts, while retrying. */
    retryAt?: number;
  };
  inbox: { waiting: number; leased: number; adopted: number; deadLetters: number; gaps: number };
  undecryptable: {
    waiting: number;
    oldestAt?: number;
    causes: { cause: string; count: number }[];
    /** No passing delay: of what came within a day, three events wait, or one has waited for five minutes. */
    sustained: boolean;
  };
  outbox: { queued: number; failed: number; oldestAt?: number; error?: string };
  /** The homeserver refused a one-time key upload because that key id was already used. */
  duplicateOneTimeKeys: boolean;
  /** What was set aside and may be lost, oldest first; a notice stays until the copy is deleted. */
  notices: { kind: string; at: number; message: string }[];
  /** Whose identity changed and was not accepted yet, by user id. */
  changedIdentities: ChangedIdentity[];
}

export interface Account extends EncryptionSetup, MediaTransfer, Trust, RoomManagement, RoomPast, Upkeep, VerificationControl {
  readonly identity: Identity;
  /** For a person to look into; see queues.ts. */
  readonly queues: Queues;

  /** Starts the sync and the workers; returns at once. */
  start(): void;
  /** Events in order of arrival; ends when the account is closed. An item comes again after a restart until it is settled. */
  batches(options?: { max?: number }): AsyncIterable<InboundEvent[]>;
  /** The host has taken the turn: it will not be handed out again in this process. */
  adopt(seqs: number[]): Promise<void>;
  /** Finished: answered, or silence was decided. */
  settle(seqs: number[]): Promise<void>;
  /** The turn failed; it is handed out again after a pause, the third time it becomes a dead letter. */
  fail(seq: number, reason: string): Promise<{ deadLetter: boolean }>;

  sendText(request: SendText): Promise<Sent>;
  editText(request: EditText): Promise<Sent>;
  react(request: { roomId: string; eventId: string; emoji: string; key?: string }): Promise<Sent>;
  redact(request: { roomId: string; eventId: string; reason?: string; key?: string }): Promise<Sent>;
  outboxEntry(key: string): Promise<OutboxEntry>;
  /** Losable: errors are logged, never thrown. */
  setTyping(roomId: string, typing: boolean, timeoutMs?: number): Promise<void>;
  sendReceipt(request: { roomId: string; eventId: string; threadRootId?: string; kind: "public" | "private" }): Promise<void>;

  joinRoom(roomIdOrAlias: string, via?: string[]): Promise<{ roomId: string }>;
  leaveRoom(roomId: string): Promise<void>;
  roomInfo(roomId: string): Promise<RoomInfo>;
  member(roomId: string, userId: string): Promise<MemberInfo | undefined>;
  resolveAlias(alias: string): Promise<{ roomId: string; via: string[] } | undefined>;
  /** A healthy DM with this person, made (encrypted if the account is) when there is none. */
  openDm(userId: string): Promise<{ roomId: string; created: boolean }>;
  /** The same room as `openDm`, where there is one; none is made. */
  findDm(userId: string): Promise<string | undefined>;
  fetchMessage(roomId: string, eventId: string): Promise<FetchedMessage | undefined>;
  /** The newest messages, at most `limit`, oldest first, in their newest wording; what cannot be decrypted is left out. */
  recentMessages(roomId: string, limit: number): Promise<FetchedMessage[]>;
  invites(): Promise<PendingInvite[]>;
  /** Whether our user ignores this one (`m.ignored_user_list`). */
  ignores(userId: string): Promise<boolean>;
  /** Users whose name or id the homeserver's directory finds by this term. */
  searchUsers(term: string, limit: number): Promise<FoundUser[]>;

  health(): Promise<Health>;
  /** Resolves with the first health whose version is above `since`, or undefined once closed. */
  healthAfter(since: number): Promise<Health | undefined>;
  /** Idempotent; within five seconds. */
  close(): Promise<void>;
}

/** What `probe` finds without opening a store. */
export interface ProbeResult {
  versions: string[];
  /** Unstable features that are switched on. */
  features: string[];
  /** Logs in by OAuth (Matrix authentication service). */
  oauth: boolean;
  userId?: string;
  deviceId?: string;
  elapsedMs: number;
}

export interface ProbeOptions {
  homeserver: string;
  network: NetworkOptions;
  /** Left out, only the versions are asked for. */
  accessToken?: string;
  timeoutMs?: number;
}

/** One line of the core's log; secrets are already redacted. */
export interface LogRecord {
  level: "error" | "warn" | "info" | "debug" | "trace";
  target: string;
  message: string;
  /** Set when the record belongs to one account. */
  accountId?: string;
}

/** The addon as a whole. */
export interface Native {
  /** Version of the core, equal to the package's. */
  readonly version: string;
  openAccount(options: OpenAccountOptions): Promise<Account>;
  /** The queues of an account that nobody has open; `store_locked` if somebody has. No login, nothing is sent. */
  openQueues(options: OpenQueuesOptions): Promise<Queues>;
  /** Gives an account that nobody has open a new device; `store_locked` if somebody has. */
  renewDevice(options: OpenAccountOptions, renewal: Renewal): Promise<Renewed>;
  /** Asks the homeserver's authorization server for a code to log in with; `store_locked` while the account is open. */
  beginLogin(options: OpenAccountOptions): Promise<PendingLogin>;
  /** Ends the session of an account that nobody has open, on the homeserver and here. */
  logOut(options: OpenAccountOptions): Promise<LoggedOut>;
  probe(options: ProbeOptions): Promise<ProbeResult>;
  /** Rejects with `auth_failed` when there is no token to look with. */
  lookUp(options: LookUp): Promise<DirectoryEntry[]>;
  /** Replaces the sink; losable, bounded. */
  onLog(level: LogRecord["level"], sink: (record: LogRecord) => void): void;
  /** Who holds the account folder's lock, if anybody. */
  lockHolder(stateDir: string): Promise<{ pid: number; since: number } | undefined>;
  /** The session stored in the folder by the last login, without its secrets. */
  storedSession(stateDir: string): Promise<Identity | undefined>;
}
