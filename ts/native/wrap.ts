/** The contract of account.ts over the generated binding: absent values, errors and the iterator. */
import type {
  Account,
  EditText,
  FetchedMessage,
  Health,
  Identity,
  InboundEvent,
  LogRecord,
  MemberInfo,
  Native,
  OpenAccountOptions,
  OutboxEntry,
  ProbeOptions,
  ProbeResult,
  RoomInfo,
  SendText,
  Sent,
} from "./account.ts";
import type * as Binding from "./binding.d.ts";
import { call, find } from "./call.ts";
import type { BackupReset, BootstrapOptions, Bootstrapped, EncryptionStatus, Recovered, Restored } from "./encryption.ts";
import { fromNative } from "./errors.ts";
import type { OpenQueuesOptions, Queues } from "./queues.ts";
import { NativeQueues } from "./wrap-queues.ts";
import { NativeVerification } from "./wrap-verification.ts";

/** What the addon exports. */
export type NativeBinding = typeof Binding;

/** Items of one batch unless the caller says otherwise. */
const BATCH = 32;

class NativeAccount extends NativeVerification implements Account {
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

  encryptionStatus(): Promise<EncryptionStatus> {
    return call(() => this.#native.encryptionStatus());
  }

  recoveryKey(): Promise<string | undefined> {
    return find(() => this.#native.recoveryKey());
  }

  bootstrapEncryption(options: BootstrapOptions): Promise<Bootstrapped> {
    return call(() => this.#native.bootstrapEncryption(options));
  }

  recover(recoveryKey: string): Promise<Recovered> {
    return call(() => this.#native.recover(recoveryKey));
  }

  restoreBackup(recoveryKey?: string): Promise<Restored> {
    return call(() => this.#native.restoreBackup(recoveryKey));
  }

  resetBackup(rotateRecoveryKey: boolean): Promise<BackupReset> {
    return call(() => this.#native.resetBackup(rotateRecoveryKey));
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
    probe: (options: ProbeOptions): Promise<ProbeResult> => call(() => binding.probe(options)),
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
