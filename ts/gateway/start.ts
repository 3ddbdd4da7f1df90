/**
 * One account from start to stop: configuration, addon, store, sync, turns, and
 * back. A trouble that waiting may cure is waited out; any other is said, and
 * the gateway lives on.
 */
import { listMatrixAccountIds, type ResolvedMatrixAccount, resolveMatrixAccount, roomConfig } from "../config/accounts.ts";
import { type Memory, participation, toldOnce } from "../host/memory.ts";
import { hostRuntime, pluginRootDir } from "../host/slot.ts";
import type { ChannelGatewayContext, OpenClawConfig, PluginRuntime } from "../host/types.ts";
import type { InboundPorts } from "../inbound/ports.ts";
import type { Health, InboundMessage, Native } from "../native/account.ts";
import type { MatrixErrorCode } from "../native/errors.ts";
import { loadNative } from "../native/load.ts";
import type { ApprovalsInput, RunningApprovals } from "./approvals.ts";
import { AccountStatus, healthPatch } from "./account-status.ts";
import { serveBindings } from "./bindings.ts";
import { aborted, pause, refusalDelay, retryDelay } from "./backoff.ts";
import { IdentityLog } from "./identities.ts";
import { ClosedWork } from "./closed-work.ts";
import { type HostFiles, hostFiles } from "./host-files.ts";
import { runIngress } from "./ingress.ts";
import { openAccount, type Opened } from "./open.ts";
import { accountPath } from "./place.ts";
import { createPorts } from "./ports.ts";
import { keepProfile } from "./profile.ts";
import { recoverUnattended } from "./recovery.ts";
import { enterStart, leave, leaveStart, type RunningAccount, runningAccounts, setBlocked, type StartedAccount } from "./registry.ts";
import { type Trouble, trouble, troubleOf } from "./sentences.ts";
import { runVerifications } from "./verification.ts";
import { type BindingStore, bindingFile } from "../threads/store.ts";

export type StartContext = Pick<
  ChannelGatewayContext<ResolvedMatrixAccount>,
  "cfg" | "accountId" | "abortSignal" | "log" | "getStatus" | "setStatus" | "channelRuntime"
>;

/** What a start takes from its surroundings; tests bring their own. */
export interface Surroundings {
  runtime: PluginRuntime;
  native: () => Native;
  stateRoot: string;
  /** Pause before a retry, in milliseconds. */
  delay: (attempt: number) => number;
  /** Pause before a turn that the host refused is offered again, in milliseconds. */
  refusalDelay: (attempt: number) => number;
  /** What is remembered over restarts beside the account's own store. */
  memories: { threads: Memory; told: Memory };
  files: HostFiles;
  /** Prompts for approvals, and what takes the reactions to them. */
  approvals: (input: ApprovalsInput) => Promise<RunningApprovals>;
  /** Where an account's bound conversations are kept. */
  bindingStore: (accountId: string) => BindingStore;
}

function hostSurroundings(): Surroundings {
  const runtime = hostRuntime();
  const stateRoot = runtime.state.resolveStateDir();
  return {
    runtime,
    native: () => loadNative(pluginRootDir()),
    stateRoot,
    bindingStore: (accountId) => bindingFile(stateRoot, accountId),
    delay: retryDelay,
    refusalDelay,
    memories: { threads: participation(), told: toldOnce() },
    files: hostFiles,
    approvals: async (input) => (await import("./approvals.ts")).runApprovals(input),
  };
}

/** Stays pending until the host's signal fires, as the host asks of every account. */
export async function startAccount(ctx: StartContext, around: Surroundings = hostSurroundings()): Promise<void> {
  const start = new AccountStart(ctx, around);
  await start.run();
}

/** How often the status is told that the account is alive, in milliseconds. */
const PULSE_MS = 30_000;

/** Longest wait of a lock before the status says blocked rather than recovering. */
const LOCK_PATIENCE = 2;

/** What is read out of one state of the configuration. */
interface Derived {
  cfg: OpenClawConfig;
  resolved: ResolvedMatrixAccount;
  /** User ids of all configured accounts. */
  users: string[];
}

class AccountStart {
  #known: Derived | undefined;
  /** Ends the account that is being served, so that it is opened anew. */
  #breakOff: ((trouble: Trouble) => void) | undefined;
  /** How often in a row a store broke while it was in use. */
  #broke = 0;
  readonly #work = new ClosedWork();
  readonly #ctx: StartContext;
  readonly #around: Surroundings;
  readonly #status: AccountStatus;
  readonly #place: { path: string; accountId: string };
  readonly #log: NonNullable<StartContext["log"]>;

  constructor(ctx: StartContext, around: Surroundings) {
    this.#ctx = ctx;
    this.#around = around;
    this.#status = new AccountStatus(ctx, ctx.accountId);
    this.#place = { path: accountPath(ctx.cfg, ctx.accountId), accountId: ctx.accountId };
    this.#log = ctx.log ?? { info: () => undefined, warn: () => undefined, error: () => undefined };
  }

  async run(): Promise<void> {
    const { abortSignal, accountId } = this.#ctx;
    this.#status.starting(Date.now());
    const start: StartedAccount = { whileClosed: (work) => this.#work.do(() => work(resolveMatrixAccount(this.#ctx.cfg, accountId))) };
    enterStart(accountId, start);
    try {
      for (let attempt = 1; !abortSignal.aborted; attempt++) {
        if (await this.#work.perform()) attempt = 1;
        const opened = await this.#open();
        if ("code" in opened) {
          await this.#waitOut(opened, attempt);
          continue;
        }
        const end = await this.#serve(opened);
        attempt = 0;
        if (end) await this.#waitOut(end, Math.max(1, this.#broke));
      }
    } finally {
      leaveStart(accountId, start);
      this.#work.end();
      setBlocked(accountId, undefined);
      this.#status.stopped(Date.now());
    }
  }

  #open(): Promise<Opened | Trouble> {
    const { cfg, accountId } = this.#ctx;
    return openAccount({
      // The host's own copy has the secrets filled in.
      resolved: resolveMatrixAccount(cfg, accountId),
      current: () => this.#resolved(),
      path: this.#place.path,
      native: this.#around.native,
      stateRoot: this.#around.stateRoot,
      log: this.#log,
    });
  }

  async #waitOut(failure: Trouble, attempt: number): Promise<void> {
    const { abortSignal, accountId } = this.#ctx;
    if (abortSignal.aborted) return;
    const locked = failure.code === "store_locked";
    const retries = failure.transient || locked;
    const blocked = !failure.transient && (!locked || attempt > LOCK_PATIENCE);
    if (blocked) {
      setBlocked(accountId, { code: failure.code, message: failure.message, since: Date.now() });
      this.#status.blocked(failure.message);
    } else {
      this.#status.recovering(failure.message, attempt);
    }
    const first = attempt === 1 || (locked && attempt === LOCK_PATIENCE + 1);
    if (first) {
      if (blocked) this.#log.error(`[${accountId}] not started (${failure.code}): ${failure.message}`);
      else this.#log.warn(`[${accountId}] not started yet (${failure.code}): ${failure.message}`);
    }
    const until = AbortSignal.any([abortSignal, this.#work.called]);
    if (retries) await pause(this.#around.delay(attempt), until);
    else await aborted(until);
  }

  /** Runs the opened account until the host ends it; the trouble, if it ended by itself. */
  async #serve({ entry, release }: Opened): Promise<Trouble | undefined> {
    const { abortSignal, accountId } = this.#ctx;
    const { account } = entry;
    this.#log.info(`[${accountId}] ${account.identity.userId} on ${account.identity.homeserver}, device ${account.identity.deviceId}`);
    const ports = createPorts({
      accountId,
      account,
      runtime: this.#around.runtime,
      cfg: () => this.#cfg(),
      resolved: () => this.#resolved(),
      path: this.#place.path,
      bots: () => this.#bots(account.identity.userId),
      log: this.#log,
      onOutbound: (at) => this.#status.apply({ lastOutboundAt: at }),
      memories: this.#around.memories,
      files: this.#around.files,
    });
    entry.inbound = ports;
    const approvals = this.#approvals(entry);
    const endBindings = await serveBindings(entry, ports, this.#around.bindingStore(accountId));
    const ingress = runIngress(ports, {
      onInbound: (at) => this.#status.apply({ lastInboundAt: at, lastMessageAt: at, lastEventAt: at }),
      onAdopted: (event) => this.#acknowledge(ports, event),
      answersPrompt: async (event) => (await approvals)?.answer(event) ?? false,
      delay: this.#around.refusalDelay,
      joinDelay: this.#around.delay,
    }).then(
      () => trouble("closed", "The account's inbox ended", this.#place),
      (error: unknown) => troubleOf(error, this.#place),
    );
    const broken = new Promise<Trouble>((resolve) => (this.#breakOff = resolve));
    const health = this.#followHealth(entry);
    // Health speaks up when something changes; an idle sync is alive without changing anything.
    const pulse = setInterval(() => void this.#pulse(entry), PULSE_MS);
    pulse.unref();
    try {
      account.start();
      const asConfigured = { account, resolved: entry.resolved(), path: this.#place.path, log: this.#log, delay: this.#around.delay, signal: abortSignal };
      const unattended = recoverUnattended({ ...asConfigured, tell: (problem) => void (entry.recoveryProblem = problem) });
      void keepProfile(asConfigured);
      void runVerifications({ ...asConfigured, accountId, runtime: this.#around.runtime, cfg: () => this.#cfg(), resolved: () => this.#resolved(), unattended }).catch(
        (error: unknown) => this.#log.error(`[${accountId}] verification requests are not answered: ${String(error)}`),
      );
      const end = await Promise.race([aborted(abortSignal), aborted(this.#work.called), ingress, broken]);
      return end ?? undefined;
    } catch (error) {
      return troubleOf(error, this.#place);
    } finally {
      clearInterval(pulse);
      void approvals.then((running) => running?.close());
      await endBindings();
      // Turns still running belong to the host; they find the account's next start by its id.
      await account.close();
      leave(entry);
      release();
      await health;
    }
  }

  /** Undefined if they could not be started: the account answers all the same. */
  #approvals({ account, resolved }: RunningAccount): Promise<RunningApprovals | undefined> {
    const { accountId, channelRuntime } = this.#ctx;
    const input = { accountId, channelRuntime, stateRoot: this.#around.stateRoot, cfg: () => this.#cfg(), outbound: () => ({ account, resolved: resolved() }), log: this.#log };
    return this.#around.approvals(input).catch((error: unknown) => {
      this.#log.error(`[${accountId}] approvals are not asked for over Matrix: ${String(error)}`);
      return undefined;
    });
  }

  async #pulse(entry: RunningAccount): Promise<void> {
    const health = await entry.account.health().catch(() => undefined);
    if (!health || this.#ctx.abortSignal.aborted) return;
    entry.health = health;
    this.#status.follow(healthPatch(health, this.#place));
  }

  async #followHealth(entry: RunningAccount): Promise<void> {
    let version = -1;
    let blocked = "";
    let unreadable = 0;
    const identities = new IdentityLog(this.#ctx.accountId, (line) => this.#log.warn(line));
    for (;;) {
      const health = await entry.account.healthAfter(version).catch(() => undefined);
      if (!health || this.#ctx.abortSignal.aborted) return;
      version = health.version;
      entry.health = health;
      if (this.#storeBroke(health)) return;
      const patch = healthPatch(health, this.#place);
      this.#status.follow(patch);
      const reason = health.sync.state === "blocked" ? (patch.lastError ?? "") : "";
      if (reason !== "" && reason !== blocked) this.#log.error(`[${this.#ctx.accountId}] stopped receiving: ${reason}`);
      blocked = reason;
      identities.follow(health.changedIdentities, this.#resolved().config.trust?.onIdentityChange === "block");
      this.#tellUnreadable(unreadable, health.undecryptable.waiting);
      unreadable = health.undecryptable.waiting;
      setBlocked(this.#ctx.accountId, reason ? { code: (health.sync.error?.code ?? "internal") as MatrixErrorCode, message: reason, since: Date.now() } : undefined);
    }
  }

  /** A file that breaks while it is in use is set aside, or named, when the account is opened again. */
  #storeBroke({ sync }: Health): boolean {
    if (sync.state === "running") this.#broke = 0;
    if (sync.state !== "blocked" || sync.error?.code !== "store_corrupt") return false;
    this.#broke++;
    this.#log.error(`[${this.#ctx.accountId}] a store broke while it was in use, opening the account again: ${sync.error.message}`);
    this.#breakOff?.({ code: "store_corrupt", message: sync.error.message, transient: true });
    return true;
  }

  /** A message that cannot be decrypted is silence to its sender; the log says so when it begins and when it is over (ENC-6). */
  #tellUnreadable(before: number, now: number): void {
    const { accountId } = this.#ctx;
    if (before === 0 && now > 0) {
      this.#log.warn(`[${accountId}] ${now} encrypted message(s) cannot be read yet; their keys are waited for. See \`openclaw matrix verify status --account ${accountId} --verbose\`.`);
    } else if (before > 0 && now === 0) {
      this.#log.info(`[${accountId}] every encrypted message could be read in the end, or was given up.`);
    }
  }

  async #acknowledge({ account, names }: InboundPorts, event: InboundMessage): Promise<void> {
    const resolved = this.#resolved();
    const room = roomConfig(resolved, { roomId: event.roomId, aliases: names.knownNames(event.roomId) }).entry;
    const kind = room?.readReceipts ?? resolved.config.readReceipts ?? "public";
    if (kind === "off" || !event.eventId) return;
    await account
      .sendReceipt({ roomId: event.roomId, eventId: event.eventId, threadRootId: event.threadRootId, kind })
      .catch((error: unknown) => this.#log.debug?.(`[${this.#ctx.accountId}] no read receipt in ${event.roomId}: ${String(error)}`));
  }

  /** The live configuration, so that an allowlist counts as soon as it is saved (ACL-12). */
  #cfg(): OpenClawConfig {
    return this.#around.runtime.config.current() as OpenClawConfig;
  }

  #resolved(): ResolvedMatrixAccount {
    return this.#derived().resolved;
  }

  /** Worked out once for each state of the configuration: every message asks. */
  #derived(): Derived {
    const cfg = this.#cfg();
    if (this.#known?.cfg !== cfg) {
      this.#known = {
        cfg,
        resolved: resolveMatrixAccount(cfg, this.#ctx.accountId),
        users: listMatrixAccountIds(cfg).flatMap((id) => resolveMatrixAccount(cfg, id).userId ?? []),
      };
    }
    return this.#known;
  }

  /** User ids of this gateway's other accounts (ACC-8): those that run, and those the configuration names. */
  #bots(ownUserId: string): ReadonlySet<string> {
    const running = runningAccounts().map((other) => other.account.identity.userId);
    const ids = new Set([...this.#derived().users, ...running]);
    ids.delete(ownUserId);
    return ids;
  }
}
