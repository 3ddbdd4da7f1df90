/** One account started on fakes, as the host would start it. */
import type { ChannelAccountSnapshot } from "../../../ts/host/types.ts";
import { resolveMatrixAccount } from "../../../ts/config/accounts.ts";
import type { HostFiles } from "../../../ts/gateway/host-files.ts";
import { startAccount, type Surroundings } from "../../../ts/gateway/start.ts";
import type { Identity, LogRecord, Native, OpenAccountOptions } from "../../../ts/native/account.ts";
import type { DirectoryEntry, LookUp } from "../../../ts/native/directory.ts";
import type { Memory } from "../../../ts/host/memory.ts";
import { FileNotLoaded } from "../../../ts/outbound/media.ts";
import type { Binding } from "../../../ts/threads/record.ts";
import type { BindingStore } from "../../../ts/threads/store.ts";
import { FakeAccount } from "./fake-account.ts";
import type { LoggedOut, LoginPrompt, PendingLogin } from "../../../ts/native/login.ts";
import type { OpenQueuesOptions } from "../../../ts/native/queues.ts";
import type { Renewal, Renewed } from "../../../ts/native/upkeep.ts";
import { FakeHost } from "./fake-host.ts";
import { FakeQueues } from "./fake-queues.ts";

export const ALICE = "@alice:example.org";
export const CAROL = "@carol:example.org";
export const DM = "!dm:example.org";
export const ROOM = "!room:example.org";

/** What every configuration of the tests has. */
export const LOGIN = { homeserver: "https://example.org", accessToken: "syt_secret" };

export class FakeNative implements Native {
  readonly version = "0.0.0";
  readonly opened: OpenAccountOptions[] = [];
  readonly openedQueues: OpenQueuesOptions[] = [];
  /** Called for every opening of the queues alone; throws or returns them. */
  queues: () => FakeQueues = () => new FakeQueues();
  /** Called for every open; throws or returns the account. */
  open: (options: OpenAccountOptions) => FakeAccount;
  holder: { pid: number; since: number } | undefined;
  probeError: Error | undefined;
  /** What a renewal was asked for, and what it answers; an error is thrown. */
  readonly renewals: Renewal[] = [];
  renewed: Partial<Renewed> | Error = {};

  constructor(open: (options: OpenAccountOptions) => FakeAccount) {
    this.open = open;
  }

  async openAccount(options: OpenAccountOptions): Promise<FakeAccount> {
    this.opened.push(options);
    return this.open(options);
  }

  async openQueues(options: OpenQueuesOptions): Promise<FakeQueues> {
    this.openedQueues.push(options);
    return this.queues();
  }

  readonly lookedUp: LookUp[] = [];
  /** Answers a look-up; throws or returns what was found. */
  found: (options: LookUp) => DirectoryEntry[] = () => [];

  async lookUp(options: LookUp): Promise<DirectoryEntry[]> {
    this.lookedUp.push(options);
    return this.found(options);
  }

  async renewDevice(options: OpenAccountOptions, renewal: Renewal): Promise<Renewed> {
    this.renewals.push(renewal);
    if (this.renewed instanceof Error) throw this.renewed;
    const identity = { userId: "@bot:example.org", deviceId: "NEWDEVICE", homeserver: options.homeserver };
    return { identity, formerWasOwn: true, tokenRetired: options.auth.type === "accessToken", ...this.renewed };
  }

  /** What a login shows, and what it comes to; an error is thrown. */
  login: { prompt: LoginPrompt; identity: Identity | Error } | Error = new Error("no login here");
  readonly logins: OpenAccountOptions[] = [];
  loggedOut: LoggedOut | Error = { revoked: true, hadSession: true, foreignDevice: false };
  readonly logouts: OpenAccountOptions[] = [];

  async beginLogin(options: OpenAccountOptions): Promise<PendingLogin> {
    this.logins.push(options);
    const { login } = this;
    if (login instanceof Error) throw login;
    return {
      prompt: login.prompt,
      finish: async () => {
        if (login.identity instanceof Error) throw login.identity;
        return login.identity;
      },
    };
  }

  async logOut(options: OpenAccountOptions): Promise<LoggedOut> {
    this.logouts.push(options);
    if (this.loggedOut instanceof Error) throw this.loggedOut;
    return this.loggedOut;
  }

  async probe(): Promise<{ versions: string[]; features: string[]; oauth: boolean; elapsedMs: number }> {
    if (this.probeError) throw this.probeError;
    return { versions: ["v1.11"], features: [], oauth: false, elapsedMs: 5 };
  }

  onLog(_level: LogRecord["level"], _sink: (record: LogRecord) => void): void {}

  async lockHolder(): Promise<{ pid: number; since: number } | undefined> {
    return this.holder;
  }

  async storedSession(): Promise<undefined> {
    return undefined;
  }
}

/** Remembers in this process alone. */
export class FakeMemory implements Memory {
  readonly #known = new Set<string>();

  async note(accountId: string, key: string): Promise<void> {
    this.#known.add(`${accountId} ${key}`);
  }

  async knows(accountId: string, key: string): Promise<boolean> {
    return this.#known.has(`${accountId} ${key}`);
  }
}

/** Bound conversations kept in this process alone. */
export class FakeBindings implements BindingStore {
  saved: Binding[];

  constructor(saved: Binding[] = []) {
    this.saved = saved;
  }

  async load(): Promise<Binding[]> {
    return structuredClone(this.saved);
  }

  async save(bindings: readonly Binding[]): Promise<void> {
    this.saved = structuredClone([...bindings]);
  }
}

export interface Running {
  host: FakeHost;
  account: FakeAccount;
  native: FakeNative;
  log: string[];
  status: () => ChannelAccountSnapshot;
  /** Every status the host was given. */
  statuses: ChannelAccountSnapshot[];
  stop: () => Promise<void>;
}

export interface RunOptions {
  /** Keys of `channels.matrix` beside the login. */
  matrix?: Record<string, unknown>;
  /** Keys of the host's configuration beside `channels`. */
  rest?: Record<string, unknown>;
  accountId?: string;
  account?: FakeAccount;
  host?: FakeHost;
  native?: FakeNative;
  files?: Partial<HostFiles>;
  approvals?: Surroundings["approvals"];
}

/** Keeps files where they are, loads those of the web, hears nothing. */
const FILES: HostFiles = {
  keep: async (path, file) => ({ path: `/media/inbound/${path.split("/").at(-1)}`, contentType: file.contentType }),
  load: async (source) => {
    if (!source.startsWith("https:")) throw new FileNotLoaded(`${source} could not be attached: no`);
    return { bytes: Buffer.from(source), filename: source.split("/").at(-1) ?? "", mimetype: "image/png" };
  },
  transcribe: async () => undefined,
};

/** Nothing is asked. */
const noApprovals: Surroundings["approvals"] = async () => ({ answer: async () => false, close: () => undefined });

/** A DM with Alice and a room with everybody. */
export function furnish(account: FakeAccount): FakeAccount {
  account.room(DM, { directTargets: [ALICE], otherMembers: [ALICE] });
  account.memberOf(DM, ALICE, "Alice");
  account.room(ROOM, { name: "Team", joinedMemberCount: 4, otherMembers: [ALICE, CAROL, "@dave:example.org"] });
  account.memberOf(ROOM, ALICE, "Alice");
  account.memberOf(ROOM, account.identity.userId, "Botty");
  return account;
}

export function run(options: RunOptions = {}): Running {
  const host = options.host ?? new FakeHost({ ...LOGIN, ...options.matrix }, options.rest);
  const account = options.account ?? furnish(new FakeAccount());
  const native = options.native ?? new FakeNative(() => account);
  const accountId = options.accountId ?? "default";
  const log: string[] = [];
  const statuses: ChannelAccountSnapshot[] = [{ accountId }];
  const abort = new AbortController();
  const write = (level: string) => (line: string) => log.push(`${level} ${line}`);
  const done = startAccount(
    {
      cfg: host.cfg,
      accountId,
      account: resolveMatrixAccount(host.cfg, accountId),
      abortSignal: abort.signal,
      log: { info: write("info"), warn: write("warn"), error: write("error"), debug: write("debug") },
      getStatus: () => statuses.at(-1) as ChannelAccountSnapshot,
      setStatus: (next: ChannelAccountSnapshot) => statuses.push(next),
    } as Parameters<typeof startAccount>[0],
    { runtime: host.runtime, native: () => native, stateRoot: "/nonexistent", delay: () => 5, refusalDelay: () => 1, memories: { threads: new FakeMemory(), told: new FakeMemory() }, files: { ...FILES, ...options.files }, approvals: options.approvals ?? noApprovals, bindingStore: () => new FakeBindings() },
  );
  return {
    host,
    account,
    native,
    log,
    statuses,
    status: () => statuses.at(-1) as ChannelAccountSnapshot,
    stop: async () => {
      abort.abort();
      await done;
    },
  };
}
