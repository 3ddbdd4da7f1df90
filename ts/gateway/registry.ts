/**
 * The accounts that run in this process. The host evaluates the plugin's modules
 * several times, so the list hangs on `globalThis`, not on this module.
 */
import type { ResolvedMatrixAccount } from "../config/accounts.ts";
import type { InboundPorts } from "../inbound/ports.ts";
import type { Account, Health } from "../native/account.ts";
import type { MatrixErrorCode } from "../native/errors.ts";
import type { ThreadBindings } from "../threads/bindings.ts";

export interface RunningAccount {
  accountId: string;
  account: Account;
  resolved: () => ResolvedMatrixAccount;
  /** The way in, once the account is served. */
  inbound?: InboundPorts;
  /** Conversations bound to sessions, once the account is served. */
  bindings?: ThreadBindings;
  /** Newest health the account reported. */
  health?: Health;
  /** What the account's recovery key could not do at its start. */
  recoveryProblem?: string;
  startedAt: number;
}

/** Why an account that should run does not. */
export interface BlockedAccount {
  code: MatrixErrorCode;
  /** Says what to do. */
  message: string;
  since: number;
}

/** An account that the host has started, open or not. */
export interface StartedAccount {
  /** Closes the account for as long as the work takes. */
  whileClosed: <T>(work: (resolved: ResolvedMatrixAccount) => Promise<T>) => Promise<T>;
}

interface Registry {
  started: Map<string, StartedAccount>;
  running: Map<string, RunningAccount>;
  blocked: Map<string, BlockedAccount>;
  /** Who has which login, by its fingerprint, from before the account is opened. */
  logins: Map<string, string>;
  /** Turns the host is working on, by account and event: an account's restart does not end them. */
  turns: Map<string, Promise<void>>;
}

const KEY = Symbol.for("openclaw-matrix-rs.registry.2");

function registry(): Registry {
  const holder = globalThis as { [KEY]?: Registry };
  holder[KEY] ??= { started: new Map(), running: new Map(), blocked: new Map(), logins: new Map(), turns: new Map() };
  return holder[KEY];
}

/**
 * Claims a login for an account before it is opened: two entries with one token
 * would open one device twice (ACC-11).
 *
 * @returns the account id that has the login already
 */
export function claimLogin(accountId: string, fingerprint: string): string | undefined {
  const holder = registry().logins.get(fingerprint);
  if (holder !== undefined && holder !== accountId) return holder;
  registry().logins.set(fingerprint, accountId);
  return undefined;
}

export function releaseLogin(accountId: string, fingerprint: string): void {
  if (registry().logins.get(fingerprint) === accountId) registry().logins.delete(fingerprint);
}

/**
 * Enters an account, unless another entry already runs the same device (ACC-11).
 *
 * @returns the account id that has the device already
 */
export function enter(entry: RunningAccount): string | undefined {
  const { identity } = entry.account;
  for (const other of registry().running.values()) {
    const same =
      other.account.identity.userId === identity.userId &&
      other.account.identity.deviceId === identity.deviceId &&
      other.account.identity.homeserver === identity.homeserver;
    if (same && other.accountId !== entry.accountId) return other.accountId;
  }
  registry().running.set(entry.accountId, entry);
  registry().blocked.delete(entry.accountId);
  return undefined;
}

/** Takes the entry out, unless a newer start has replaced it. */
export function leave(entry: RunningAccount): void {
  if (registry().running.get(entry.accountId) === entry) registry().running.delete(entry.accountId);
}

export function runningAccount(accountId: string): RunningAccount | undefined {
  return registry().running.get(accountId);
}

export function runningAccounts(): RunningAccount[] {
  return [...registry().running.values()];
}

export function enterStart(accountId: string, start: StartedAccount): void {
  registry().started.set(accountId, start);
}

/** Takes the start out, unless a newer one has replaced it. */
export function leaveStart(accountId: string, start: StartedAccount): void {
  if (registry().started.get(accountId) === start) registry().started.delete(accountId);
}

export function startOf(accountId: string): StartedAccount | undefined {
  return registry().started.get(accountId);
}

export function setBlocked(accountId: string, blocked: BlockedAccount | undefined): void {
  if (blocked) registry().blocked.set(accountId, blocked);
  else registry().blocked.delete(accountId);
}

export function blockedAccount(accountId: string): BlockedAccount | undefined {
  return registry().blocked.get(accountId);
}

/**
 * Runs a turn once in this process: an event handed out again while its turn is
 * still under way waits for that turn instead of starting a second one.
 */
export async function oncePerTurn(key: string, run: () => Promise<void>): Promise<void> {
  const { turns } = registry();
  const running = turns.get(key);
  if (running) return running;
  const turn = run();
  turns.set(key, turn);
  try {
    await turn;
  } finally {
    turns.delete(key);
  }
}
