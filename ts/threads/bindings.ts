/**
 * The bindings of one account: rooms, direct messages and threads whose messages go to a session of
 * their own, until they are unbound, idle for too long or too old. The host decides what is bound
 * and asks here for the rest.
 */
import {
  formatThreadBindingDisabledError,
  registerSessionBindingAdapter,
  resolveThreadBindingFarewellText,
  resolveThreadBindingIdleTimeoutMsForChannel,
  resolveThreadBindingIntroText,
  resolveThreadBindingMaxAgeMsForChannel,
  resolveThreadBindingSpawnPolicy,
  type SessionBindingAdapter,
  type SessionBindingRecord,
  type SessionBindInput,
  type SessionUnbindInput,
  unregisterSessionBindingAdapter,
} from "../host/bindings.ts";
import { isAcpSessionKey } from "../host/routing.ts";
import type { ChannelLogSink, OpenClawConfig } from "../host/types.ts";
import type { Account } from "../native/account.ts";
import { type Conversation, placeOf } from "./conversation.ts";
import { type Binding, bindingIdOf, endingOf, type Limits, toHostRecord } from "./record.ts";
import type { BindingStore } from "./store.ts";

/** How often bindings are looked through at the latest, and how long an activity may stay unwritten, in milliseconds. */
const SWEEP_MS = 60_000;
const TOUCH_WRITE_MS = 30_000;

export interface ThreadBindingsInput {
  accountId: string;
  account: Pick<Account, "sendText">;
  /** The configuration as it is now. */
  cfg: () => OpenClawConfig;
  store: BindingStore;
  /** The account has spoken in a thread: what follows there is for it. */
  noteThread: (roomId: string, threadRootId: string) => Promise<void>;
  log: ChannelLogSink;
  now?: () => number;
}

/** What `/session idle` and `/session max-age` change. */
export type OwnLimit = "idleTimeoutMs" | "maxAgeMs";

export class ThreadBindings {
  readonly #input: ThreadBindingsInput;
  readonly #bindings = new Map<string, Binding>();
  readonly #adapter: SessionBindingAdapter;
  #writing: Promise<void> = Promise.resolve();
  #sweep: NodeJS.Timeout | undefined;
  #write: NodeJS.Timeout | undefined;
  #stopped = false;

  private constructor(input: ThreadBindingsInput) {
    this.#input = input;
    this.#adapter = {
      channel: "matrix",
      accountId: input.accountId,
      capabilities: { placements: ["current", "child"], bindSupported: true, unbindSupported: true },
      bind: (request) => this.#bind(request),
      unbind: (request) => this.#unbind(request),
      listBySession: (sessionKey) => this.#live().filter((binding) => binding.targetSessionKey === sessionKey).map((binding) => this.#record(binding)),
      resolveByConversation: (conversation) => this.#at(conversation),
      inspectByConversation: (conversation) => this.#at(conversation),
      touch: (bindingId, at) => this.#touch(bindingId, at),
    };
  }

  /** Reads what the last process has left and answers the host from then on. */
  static async start(input: ThreadBindingsInput): Promise<ThreadBindings> {
    const bindings = new ThreadBindings(input);
    const kept = await input.store.load().catch((error: unknown) => {
      input.log.error(`[${input.accountId}] the bindings of conversations could not be read, so nothing is bound: ${String(error)}`);
      return [];
    });
    for (const binding of kept) bindings.#bindings.set(bindingIdOf(input.accountId, binding), binding);
    registerSessionBindingAdapter(bindings.#adapter);
    bindings.#schedule();
    return bindings;
  }

  /** The bindings stay on disk; the next start goes on with them. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#sweep);
    unregisterSessionBindingAdapter({ channel: "matrix", accountId: this.#input.accountId, adapter: this.#adapter });
    if (this.#write !== undefined) await this.#save();
    await this.#writing;
  }

  /** Sets a limit of every binding to this session; 0 switches it off (BND-3). */
  async limit(targetSessionKey: string, what: OwnLimit, ms: number): Promise<Binding[]> {
    const changed = this.#live().filter((binding) => binding.targetSessionKey === targetSessionKey);
    for (const binding of changed) Object.assign(binding, { [what]: Math.max(0, Math.floor(ms)), lastActivityAt: this.#now() });
    if (changed.length > 0) await this.#save();
    this.#schedule();
    return changed.map((binding) => ({ ...this.limits(), ...binding }));
  }

  limits(): Limits {
    const scope = { cfg: this.#input.cfg(), channel: "matrix", accountId: this.#input.accountId };
    return { idleTimeoutMs: resolveThreadBindingIdleTimeoutMsForChannel(scope), maxAgeMs: resolveThreadBindingMaxAgeMsForChannel(scope) };
  }

  #now(): number {
    return this.#input.now?.() ?? Date.now();
  }

  #enabled(): boolean {
    return resolveThreadBindingSpawnPolicy({ cfg: this.#input.cfg(), channel: "matrix", accountId: this.#input.accountId, kind: "subagent" }).enabled;
  }

  #record(binding: Binding): SessionBindingRecord {
    return toHostRecord(this.#input.accountId, binding, this.limits());
  }

  /** What is not over. Switched off, nothing is bound, and what was comes back with the switch. */
  #live(): Binding[] {
    if (!this.#enabled()) return [];
    const now = this.#now();
    const limits = this.limits();
    return [...this.#bindings.values()].filter((binding) => (endingOf(binding, limits).expiresAt ?? Infinity) > now);
  }

  #at({ conversationId, parentConversationId }: Conversation): SessionBindingRecord | null {
    const found = this.#live().find(
      (binding) =>
        binding.conversationId === conversationId &&
        (parentConversationId === undefined || binding.parentConversationId === undefined || binding.parentConversationId === parentConversationId),
    );
    return found ? this.#record(found) : null;
  }

  async #bind(request: SessionBindInput): Promise<SessionBindingRecord | null> {
    const { accountId, account } = this.#input;
    if (!this.#enabled()) throw new Error(formatThreadBindingDisabledError({ channel: "matrix", accountId, kind: request.targetKind === "subagent" ? "subagent" : "acp" }));
    const { introText: stated, threadName: _threadName, ...metadata } = request.metadata ?? {};
    const limits = this.limits();
    const label = typeof metadata.label === "string" ? metadata.label : undefined;
    const agentId = typeof metadata.agentId === "string" ? metadata.agentId : undefined;
    const intro = typeof stated === "string" && stated.trim() ? stated.trim() : resolveThreadBindingIntroText({ agentId, label, ...limits });
    const child = request.placement === "child";
    const place = placeOf(child && request.conversation.parentConversationId ? { conversationId: request.conversation.parentConversationId } : request.conversation);
    if (!place) return null;
    let conversation: Conversation = place.threadRootId
      ? { conversationId: place.threadRootId, parentConversationId: place.roomId }
      : { conversationId: place.roomId };
    if (child) {
      const [rootEventId] = (await account.sendText({ ...saying(intro), roomId: place.roomId })).eventIds;
      if (rootEventId === undefined) throw new Error(`The thread was not begun: the message that opens it waits in the outbox; see \`openclaw matrix outbox list --account ${accountId}\`.`);
      conversation = { conversationId: rootEventId, parentConversationId: place.roomId };
      await this.#input.noteThread(place.roomId, rootEventId);
    }
    request.assertCurrent?.();
    const id = bindingIdOf(accountId, conversation);
    const before = this.#bindings.get(id);
    const same = before?.targetSessionKey === request.targetSessionKey && before.targetKind === request.targetKind;
    const now = this.#now();
    const binding: Binding = {
      ...conversation,
      targetSessionKey: request.targetSessionKey,
      targetKind: request.targetKind,
      boundAt: now,
      lastActivityAt: now,
      ...(same ? { idleTimeoutMs: before.idleTimeoutMs, maxAgeMs: before.maxAgeMs } : {}),
      ...(request.ttlMs === undefined ? {} : { maxAgeMs: request.ttlMs }),
      metadata: { ...(same ? before.metadata : {}), ...metadata },
    };
    this.#bindings.set(id, binding);
    await this.#save();
    this.#schedule();
    if (!child && !same) await this.#say(place, intro);
    return this.#record(binding);
  }

  async #unbind({ bindingId, targetSessionKey, reason }: SessionUnbindInput): Promise<SessionBindingRecord[]> {
    // An ACP session begins anew in place (BND-9): it keeps its key, and whoever has reset it goes on talking to it.
    if (bindingId === undefined && reason === "session-reset" && isAcpSessionKey(targetSessionKey)) return [];
    const wanted = [...this.#bindings].filter(([id, binding]) => (bindingId ? id === bindingId : targetSessionKey !== undefined && binding.targetSessionKey === targetSessionKey));
    return this.#end(wanted.map(([, binding]) => ({ binding, reason })));
  }

  async #end(ended: readonly { binding: Binding; reason?: string }[]): Promise<SessionBindingRecord[]> {
    if (ended.length === 0) return [];
    const limits = this.limits();
    for (const { binding } of ended) this.#bindings.delete(bindingIdOf(this.#input.accountId, binding));
    await this.#save();
    for (const { binding, reason } of ended) {
      const place = placeOf(binding);
      const own = { idleTimeoutMs: binding.idleTimeoutMs ?? limits.idleTimeoutMs, maxAgeMs: binding.maxAgeMs ?? limits.maxAgeMs };
      if (place) await this.#say(place, resolveThreadBindingFarewellText({ reason, ...own }));
    }
    return ended.map(({ binding }) => this.#record(binding));
  }

  async #say(place: { roomId: string; threadRootId?: string }, text: string): Promise<void> {
    await this.#input.account
      .sendText({ ...saying(text), ...place })
      .catch((error: unknown) => this.#input.log.debug?.(`[${this.#input.accountId}] not said in ${place.roomId}: ${String(error)}`));
  }

  #touch(bindingId: string, at?: number): void {
    const binding = this.#bindings.get(bindingId);
    if (!binding) return;
    binding.lastActivityAt = Math.max(binding.lastActivityAt, at ?? this.#now());
    this.#write ??= setTimeout(() => void this.#save().catch((error: unknown) => this.#unsaved(error)), TOUCH_WRITE_MS).unref();
  }

  #save(): Promise<void> {
    clearTimeout(this.#write);
    this.#write = undefined;
    const write = () => this.#input.store.save([...this.#bindings.values()]);
    const done = this.#writing.then(write);
    this.#writing = done.catch(() => undefined);
    return done;
  }

  #unsaved(error: unknown): void {
    this.#input.log.warn(`[${this.#input.accountId}] the bindings of conversations could not be stored: ${String(error)}`);
  }

  /** Wakes at the next end of a binding, and now and then because the limits may have changed. */
  #schedule(): void {
    clearTimeout(this.#sweep);
    if (this.#stopped || this.#bindings.size === 0) return;
    const limits = this.limits();
    const ends = [...this.#bindings.values()].map((binding) => endingOf(binding, limits).expiresAt ?? Infinity);
    const wait = Math.min(SWEEP_MS, Math.max(0, Math.min(...ends) - this.#now()));
    this.#sweep = setTimeout(() => void this.#sweepNow(), wait).unref();
  }

  async #sweepNow(): Promise<void> {
    const now = this.#now();
    const limits = this.limits();
    const over = this.#enabled()
      ? [...this.#bindings.values()].map((binding) => ({ binding, ...endingOf(binding, limits) })).filter(({ expiresAt }) => expiresAt !== undefined && expiresAt <= now)
      : [];
    await this.#end(over).catch((error: unknown) => this.#unsaved(error));
    this.#schedule();
  }
}

/** A line about the conversation, not an answer in it. */
function saying(markdown: string) {
  return { markdown, kind: "notice", chunkLimit: 4000, chunkMode: "length", tables: "block" } as const;
}
