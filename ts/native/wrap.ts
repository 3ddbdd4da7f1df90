/** The contract of account.ts over the generated binding: absent values, errors and the iterator. */
import type {
  Account,
  EditText,
  FetchedMessage,
  FoundUser,
  Health,
  Identity,
  InboundEvent,
  LogRecord,
  MemberInfo,
  Native,
  OpenAccountOptions,
  OutboxEntry,
  PendingInvite,
  ProbeOptions,
  ProbeResult,
  RoomInfo,
  SendText,
  Sent,
} from "./account.ts";
import type * as Binding from "./binding.d.ts";
import { call, find } from "./call.ts";
import type { BackupReset, BootstrapOptions, Bootstrapped, EncryptionStatus, Recovered, Restored } from "./encryption.ts";
import type { DirectoryEntry, LookUp } from "./directory.ts";
import { fromNative } from "./errors.ts";
import type { Poll, Reaction, ReadMessages, ReadPage, SendLocation, SendPoll } from "./past.ts";
import type { OpenQueuesOptions, Queues } from "./queues.ts";
import type { SenderCheck } from "./trust.ts";
import type { DirectInspection, DirectRepair, OwnDevice, ProfileOutcome, ProfileWish, Renewal, Renewed } from "./upkeep.ts";
import { NativeManagement } from "./wrap-manage.ts";
import { NativeQueues } from "./wrap-queues.ts";

/** What the addon exports. */
export type NativeBinding = typeof Binding;

/** Items of one batch unless the caller says otherwise. */
const BATCH = 32;

class NativeAccount extends NativeManagement implements Account {
  readonly identity: Identity;
  readonly #native: Binding.Account;

  constructor(native: Binding.Account) {
    super(native);
    this.#native = native;
    this.identity = native.identity;
  }

  get queues(): Queues {
    return new NativeQueues(this.#native.queues);
  }

  start(): void {
    try {
      this.#native.start();
    } catch (error) {
      throw fromNative(error);
    }
  }

  async *batches(options: { max?: number } = {}): AsyncGenerator<InboundEvent[]> {
    const max = options.max ?? BATCH;
    for (;;) {
      const batch = await find(() => this.#native.nextBatch(max));
      if (!batch) return;
      yield batch;
    }
  }

  adopt(seqs: number[]): Promise<void> {
    return call(() => this.#native.adopt(seqs));
  }

  settle(seqs: number[]): Promise<void> {
    return call(() => this.#native.settle(seqs));
  }

  fail(seq: number, reason: string): Promise<{ deadLetter: boolean }> {
    return call(() => this.#native.fail(seq, reason));
  }

  sendText(request: SendText): Promise<Sent> {
    return call(() => this.#native.sendText(request));
  }

  editText(request: EditText): Promise<Sent> {
    return call(() => this.#native.editText(request));
  }

  react(request: { roomId: string; eventId: string; emoji: string; key?: string }): Promise<Sent> {
    return call(() => this.#native.react(request));
  }

  redact(request: { roomId: string; eventId: string; reason?: string; key?: string }): Promise<Sent> {
    return call(() => this.#native.redact(request));
  }

  outboxEntry(key: string): Promise<OutboxEntry> {
    return call(() => this.#native.outboxEntry(key));
  }

  setTyping(roomId: string, typing: boolean, timeoutMs?: number): Promise<void> {
    return call(() => this.#native.setTyping(roomId, typing, timeoutMs));
  }

  sendReceipt(request: { roomId: string; eventId: string; threadRootId?: string; kind: "public" | "private" }): Promise<void> {
    return call(() => this.#native.sendReceipt(request));
  }

  joinRoom(roomIdOrAlias: string, via?: string[]): Promise<{ roomId: string }> {
    return call(() => this.#native.joinRoom(roomIdOrAlias, via));
  }

  leaveRoom(roomId: string): Promise<void> {
    return call(() => this.#native.leaveRoom(roomId));
  }

  roomInfo(roomId: string): Promise<RoomInfo> {
    return call(() => this.#native.roomInfo(roomId));
  }

  member(roomId: string, userId: string): Promise<MemberInfo | undefined> {
    return find(() => this.#native.member(roomId, userId));
  }

  resolveAlias(alias: string): Promise<{ roomId: string; via: string[] } | undefined> {
    return find(() => this.#native.resolveAlias(alias));
  }

  openDm(userId: string): Promise<{ roomId: string; created: boolean }> {
    return call(() => this.#native.openDm(userId));
  }

  findDm(userId: string): Promise<string | undefined> {
    return find(() => this.#native.findDm(userId));
  }

  fetchMessage(roomId: string, eventId: string): Promise<FetchedMessage | undefined> {
    return find(() => this.#native.fetchMessage(roomId, eventId));
  }

  readMessages(request: ReadMessages): Promise<ReadPage> {
    return call(() => this.#native.readMessages(request));
  }

  reactions(roomId: string, eventId: string): Promise<Reaction[]> {
    return call(() => this.#native.reactions(roomId, eventId));
  }

  pinned(roomId: string): Promise<string[]> {
    return call(() => this.#native.pinned(roomId));
  }

  setPinned(roomId: string, eventId: string, pinned: boolean): Promise<string[]> {
    return call(() => this.#native.setPinned(roomId, eventId, pinned));
  }

  sendPoll(request: SendPoll): Promise<Sent> {
    return call(() => this.#native.sendPoll(request));
  }

  vote(request: { roomId: string; eventId: string; answers: string[]; key?: string }): Promise<Sent> {
    return call(() => this.#native.vote(request));
  }

  endPoll(roomId: string, eventId: string, key?: string): Promise<Sent> {
    return call(() => this.#native.endPoll(roomId, eventId, key));
  }

  poll(roomId: string, eventId: string): Promise<Poll | undefined> {
    return find(() => this.#native.poll(roomId, eventId));
  }

  sendLocation(request: SendLocation): Promise<Sent> {
    return call(() => this.#native.sendLocation(request));
  }

  recentMessages(roomId: string, limit: number): Promise<FetchedMessage[]> {
    return call(() => this.#native.recentMessages(roomId, limit));
  }

  invites(): Promise<PendingInvite[]> {
    return call(() => this.#native.invites());
  }

  ignores(userId: string): Promise<boolean> {
    return call(() => this.#native.ignores(userId));
  }

  searchUsers(term: string, limit: number): Promise<FoundUser[]> {
    return call(() => this.#native.searchUsers(term, limit));
  }

  encryptionStatus(): Promise<EncryptionStatus> {
    return call(() => this.#native.encryptionStatus());
  }

  recoveryKey(): Promise<string | undefined> {
    return find(() => this.#native.recoveryKey());
  }

  bootstrapEncryption(options: BootstrapOptions): Promise<Bootstrapped> {
    return call(() => this.#native.bootstrapEncryption(options));
  }

  recover(recoveryKey?: string): Promise<Recovered> {
    return call(() => this.#native.recover(recoveryKey));
  }

  restoreBackup(recoveryKey?: string): Promise<Restored> {
    return call(() => this.#native.restoreBackup(recoveryKey));
  }

  resetBackup(rotateRecoveryKey: boolean): Promise<BackupReset> {
    return call(() => this.#native.resetBackup(rotateRecoveryKey));
  }

  checkSender(request: { roomId: string; userId: string; sessionId?: string }): Promise<SenderCheck> {
    return call(() => this.#native.checkSender(request));
  }

  acknowledgeIdentity(userId: string): Promise<boolean> {
    return call(() => this.#native.acknowledgeIdentity(userId));
  }

  devices(): Promise<OwnDevice[]> {
    return call(() => this.#native.devices());
  }

  deleteDevices(ids: string[], password?: string): Promise<void> {
    return call(() => this.#native.deleteDevices(ids, password));
  }

  inspectDirect(userId: string): Promise<DirectInspection> {
    return call(() => this.#native.inspectDirect(userId));
  }

  repairDirect(userId: string): Promise<DirectRepair> {
    return call(() => this.#native.repairDirect(userId));
  }

  setProfile(wish: ProfileWish): Promise<ProfileOutcome> {
    return call(() => this.#native.setProfile(wish));
  }

  health(): Promise<Health> {
    return call(() => this.#native.health());
  }

  healthAfter(since: number): Promise<Health | undefined> {
    return find(() => this.#native.healthAfter(since));
  }

  close(): Promise<void> {
    return call(() => this.#native.close());
  }
}

/** The addon as the rest of the plugin sees it. */
export function wrap(binding: NativeBinding): Native {
  return {
    version: binding.version(),
    openAccount: async (options: OpenAccountOptions): Promise<Account> => new NativeAccount(await call(() => binding.openAccount(options))),
    openQueues: async (options: OpenQueuesOptions): Promise<Queues> => new NativeQueues(await call(() => binding.openQueues(options))),
    renewDevice: (options: OpenAccountOptions, renewal: Renewal): Promise<Renewed> => call(() => binding.renewDevice(options, renewal)),
    probe: (options: ProbeOptions): Promise<ProbeResult> => call(() => binding.probe(options)),
    lookUp: (options: LookUp): Promise<DirectoryEntry[]> => call(() => binding.lookUp(options)),
    onLog(level: LogRecord["level"], sink: (record: LogRecord) => void): void {
      binding.setLogSink(level, (record) => {
        try {
          sink(record);
        } catch {
          // Thrown out of a thread-safe function it would end the process, for a line of log.
        }
      });
    },
    lockHolder: (stateDir: string) => find(() => binding.lockHolder(stateDir)),
    storedSession: (stateDir: string) => find(() => binding.storedSession(stateDir)),
  };
}
