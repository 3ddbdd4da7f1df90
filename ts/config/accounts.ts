/**
 * Accounts out of `channels.matrix`: which there are, what each one's keys come
 * to, and what the core is opened with.
 */
import type { AccountAuth, OpenAccountOptions } from "../native/account.ts";
import { DEFAULT_ACCOUNT_ID, normalizeAccountId } from "./account-id.ts";
import { accountProblem } from "./account-problem.ts";
import {
  type EnvField,
  type Environment,
  envAccountIds,
  extraCaCerts,
  globalEnvName,
  hostStateDir,
  processEnvironment,
  readEnv,
  scopedEnvName,
} from "./env.ts";
import { environmentProxy } from "./env-proxy.ts";
import { dotted } from "./key-path.ts";
import { matchRoom, mergeRooms, type RoomMatch, type RoomNames } from "./rooms.ts";
import type { MatrixAccountConfig, MatrixChannelConfig } from "./schema.ts";
import { type HostConfig, matrixSection } from "./section.ts";
import { secretState } from "./secrets.ts";
import { accountStateDir, hasStoredSession } from "./state.ts";

export { DEFAULT_ACCOUNT_ID, normalizeAccountId } from "./account-id.ts";
export type { MatrixAccountConfig, MatrixRoomConfig } from "./schema.ts";
export type { HostConfig } from "./section.ts";

/** `initial_device_display_name` unless the configuration says otherwise (AUT-3). */
export const DEFAULT_DEVICE_NAME = "OpenClaw Gateway";

/** Hours an undecryptable event waits for its key, and the gap filler's bounds (features.md 3.1). */
const DEFAULT_RETRY_HOURS = 72;
const DEFAULT_CATCH_UP = { maxHours: 168, maxEvents: 1000 };

/** Keys that belong to one Matrix identity: a named account never takes them from the top level (AUT-4). */
const AUTH_ONLY = ["userId", "accessToken", "password", "deviceId", "recoveryKey"] as const;

/** Objects merged key by key; the others are replaced whole (ACC-1). */
const MERGED = [
  "dm",
  "actions",
  "execApprovals",
  "botLoopProtection",
  "implicitMentions",
  "trust",
  "undecryptable",
  "catchUp",
] as const;

/** One account, ready to be judged or opened. */
export interface ResolvedMatrixAccount {
  accountId: string;
  name?: string;
  enabled: boolean;
  /** Everything a start needs is there; when not, `issue` says what is missing. */
  configured: boolean;
  /**
   * The account's keys over the top level's; `dm`, `actions`, `execApprovals`,
   * `botLoopProtection`, `implicitMentions`, `trust`, `undecryptable` and
   * `catchUp` merged inside, `groups` merged per room with `rooms` folded in.
   */
  config: MatrixAccountConfig;
  homeserver?: string;
  userId?: string;
  accessToken?: string;
  password?: string;
  deviceId?: string;
  deviceName: string;
  allowPrivateNetwork: boolean;
  proxy?: string;
  encryption: boolean;
  /** Why it is not configured: a sentence naming the key. */
  issue?: string;
  /**
   * How things stand with token or password: readable, named by a reference that
   * this process cannot read (a command line, for one), or not there at all.
   */
  credentials: "available" | "unresolved" | "missing";
}

/** Whether a login of this account has left a session behind (AUT-5). */
export type StoredSessionCheck = (accountId: string) => boolean;

function sessionOnDisk(env: Environment): StoredSessionCheck {
  return (accountId) => hasStoredSession(hostStateDir(env), accountId);
}

/** The account's own entry: the key as given, else one that comes to the same id. */
function accountEntry(section: MatrixChannelConfig, accountId: string): { key: string; entry: MatrixAccountConfig } | undefined {
  const accounts = section.accounts ?? {};
  const key = Object.hasOwn(accounts, accountId)
    ? accountId
    : Object.keys(accounts).find((other) => normalizeAccountId(other) === accountId);
  const entry = key === undefined ? undefined : accounts[key];
  return key !== undefined && entry ? { key, entry } : undefined;
}

/**
 * The accounts, sorted (ACC-3): those of `accounts`, those the environment
 * completes, and `default` if the top level says how to log in. A section that
 * configures nobody has the one account `default`, so that its status can say
 * what is missing.
 */
export function listMatrixAccountIds(
  cfg: HostConfig,
  env: Environment = processEnvironment(),
  storedSession: StoredSessionCheck = sessionOnDisk(env),
): string[] {
  const ids = new Set(Object.keys(matrixSection(cfg).accounts ?? {}).map(normalizeAccountId));
  for (const id of [DEFAULT_ACCOUNT_ID, ...envAccountIds(env)]) {
    if (!ids.has(id) && statesLogin(cfg, id, env, storedSession)) ids.add(id);
  }
  if (ids.size === 0 && cfg.channels?.matrix !== undefined) ids.add(DEFAULT_ACCOUNT_ID);
  return [...ids].sort();
}

/**
 * The account for calls that name none (ACC-2): `defaultAccount` if it exists,
 * else the literal `default`, else the only one. With several and none of these
 * the answer is `default` too, which then is no account: commands refuse to guess.
 */
export function resolveDefaultMatrixAccountId(
  cfg: HostConfig,
  env: Environment = processEnvironment(),
  storedSession: StoredSessionCheck = sessionOnDisk(env),
): string {
  const ids = listMatrixAccountIds(cfg, env, storedSession);
  const stated = matrixSection(cfg).defaultAccount?.trim();
  if (stated && ids.includes(normalizeAccountId(stated))) return normalizeAccountId(stated);
  if (ids.includes(DEFAULT_ACCOUNT_ID)) return DEFAULT_ACCOUNT_ID;
  return ids.length === 1 && ids[0] !== undefined ? ids[0] : DEFAULT_ACCOUNT_ID;
}

/** Whether configuration and environment say where and how this account logs in, readable secrets or not. */
function statesLogin(cfg: HostConfig, accountId: string, env: Environment, storedSession: StoredSessionCheck): boolean {
  const value = fieldReader(cfg, accountId, env);
  if (!value("homeserver")) return false;
  const stated = (field: "accessToken" | "password") => secretState(value(field)).state !== "missing";
  if (stated("accessToken")) return true;
  return Boolean(value("userId")) && (stated("password") || storedSession(accountId));
}

/** Account's key > its scoped variable > top level > global variable; the last two only where they apply (AUT-4). */
function fieldReader(cfg: HostConfig, accountId: string, env: Environment): (field: EnvField) => unknown {
  const section = matrixSection(cfg);
  const own = accountEntry(section, accountId)?.entry;
  const filled = (value: unknown) => (typeof value === "string" ? value.trim() || undefined : value);
  return (field) => {
    const inherits = accountId === DEFAULT_ACCOUNT_ID || !(AUTH_ONLY as readonly string[]).includes(field);
    return (
      filled(own?.[field]) ??
      readEnv(env, scopedEnvName(accountId, field)) ??
      (inherits ? (filled(section[field]) ?? readEnv(env, globalEnvName(field))) : undefined)
    );
  };
}

/** Merges the keys of one account; see `ResolvedMatrixAccount.config`. */
function mergeConfig(section: MatrixChannelConfig, accountId: string, own: MatrixAccountConfig | undefined): MatrixAccountConfig {
  const { accounts: _accounts, defaultAccount: _defaultAccount, ...base } = section;
  if (accountId !== DEFAULT_ACCOUNT_ID) for (const key of AUTH_ONLY) delete base[key];
  const merged: MatrixAccountConfig = { ...base, ...own };
  for (const key of MERGED) {
    if (base[key] && own?.[key]) Object.assign(merged, { [key]: { ...base[key], ...own[key] } });
  }
  delete merged.rooms;
  const groups = mergeRooms(accountId, base, own);
  if (groups) merged.groups = groups;
  else delete merged.groups;
  return merged;
}

/** The opt-in for private addresses; the account's word, in either spelling, before the top level's (WIZ-14, NET-1). */
function privateNetwork(base: MatrixAccountConfig, own: MatrixAccountConfig | undefined): boolean {
  const stated = (config?: MatrixAccountConfig) => config?.network?.dangerouslyAllowPrivateNetwork ?? config?.allowPrivateNetwork;
  return stated(own) ?? stated(base) ?? false;
}

/**
 * One account, merged and with its environment. Never throws and never reads a
 * reference: an account that cannot start says so in `issue`. Without
 * `accountId` it is the default one.
 */
export function resolveMatrixAccount(
  cfg: HostConfig,
  accountId?: string | null,
  env: Environment = processEnvironment(),
  storedSession: StoredSessionCheck = sessionOnDisk(env),
): ResolvedMatrixAccount {
  const id = accountId?.trim() ? normalizeAccountId(accountId) : resolveDefaultMatrixAccountId(cfg, env, storedSession);
  const section = matrixSection(cfg);
  const found = accountEntry(section, id);
  const config = mergeConfig(section, id, found?.entry);
  const read = fieldReader(cfg, id, env);
  const text = (field: EnvField) => {
    const value = read(field);
    return typeof value === "string" ? value : undefined;
  };
  const secret = (field: "accessToken" | "password") => {
    const state = secretState(read(field));
    return state.state === "available" ? state.value : undefined;
  };
  const states = [secretState(read("accessToken")).state, secretState(read("password")).state];
  const issue = accountProblem({
    accountId: id,
    path: found ? dotted(["channels", "matrix", "accounts", found.key]) : "channels.matrix",
    exists: found !== undefined || id === DEFAULT_ACCOUNT_ID || envAccountIds(env).includes(id),
    known: () => listMatrixAccountIds(cfg, env, storedSession),
    read,
    config,
    hasSession: () => storedSession(id),
  });
  const homeserver = text("homeserver");
  return {
    accountId: id,
    name: config.name?.trim() || undefined,
    enabled: section.enabled !== false && found?.entry.enabled !== false,
    configured: issue === undefined,
    config,
    homeserver,
    userId: text("userId"),
    accessToken: secret("accessToken"),
    password: secret("password"),
    deviceId: text("deviceId"),
    deviceName: text("deviceName") ?? DEFAULT_DEVICE_NAME,
    allowPrivateNetwork: privateNetwork(section, found?.entry),
    proxy: config.proxy?.trim() || (homeserver === undefined ? undefined : environmentProxy(homeserver, env)),
    encryption: config.encryption ?? false,
    issue,
    credentials: states.includes("available") ? "available" : states.includes("unresolved") ? "unresolved" : "missing",
  };
}

/** The room's entry in the account's `groups`; see `matchRoom`. */
export function roomConfig(account: Pick<ResolvedMatrixAccount, "config">, room: RoomNames): RoomMatch {
  return matchRoom(account.config.groups, room);
}

/** What the core opens the account's queues with: no login is needed to look into them. */
export function toOpenQueuesOptions(account: ResolvedMatrixAccount, stateRoot: string): Pick<OpenAccountOptions, "accountId" | "stateDir" | "storePassphrase"> {
  const passphrase = secretState(account.config.storePassphrase);
  return {
    accountId: account.accountId,
    stateDir: accountStateDir(stateRoot, account.accountId),
    storePassphrase: passphrase.state === "available" ? passphrase.value : undefined,
  };
}

/**
 * What the core opens the account with.
 *
 * @param host.stateRoot the host's state folder
 * @throws Error with the account's `issue` when it is not configured
 */
export function toOpenAccountOptions(
  account: ResolvedMatrixAccount,
  host: { stateRoot: string; env: Environment },
): OpenAccountOptions {
  if (account.issue) throw new Error(account.issue);
  return toLoginOptions(account, host);
}

/**
 * The same for an account that may not be able to log in yet, or not any more.
 *
 * @throws Error when it does not even say where its homeserver is
 */
export function toLoginOptions(account: ResolvedMatrixAccount, host: { stateRoot: string; env: Environment }): OpenAccountOptions {
  if (!account.homeserver) throw new Error(account.issue ?? "the account has no homeserver");
  const { config, userId, deviceId } = account;
  const auth: AccountAuth = account.accessToken
    ? { type: "accessToken", accessToken: account.accessToken, userId, deviceId }
    : account.password && userId
      ? { type: "password", userId, password: account.password, deviceId }
      : { type: "stored", userId, deviceId };
  const passphrase = secretState(config.storePassphrase);
  return {
    accountId: account.accountId,
    stateDir: accountStateDir(host.stateRoot, account.accountId),
    homeserver: account.homeserver,
    auth,
    deviceName: account.deviceName,
    encryption: account.encryption,
    network: { allowPrivateNetwork: account.allowPrivateNetwork, proxy: account.proxy, extraCaCerts: extraCaCerts(host.env) },
    storePassphrase: passphrase.state === "available" ? passphrase.value : undefined,
    initialSyncLimit: config.initialSyncLimit,
    undecryptableRetryHours: config.undecryptable?.retryHours ?? DEFAULT_RETRY_HOURS,
    catchUp: {
      maxHours: config.catchUp?.maxHours ?? DEFAULT_CATCH_UP.maxHours,
      maxEvents: config.catchUp?.maxEvents ?? DEFAULT_CATCH_UP.maxEvents,
    },
    edits: config.editMode !== "ignore",
    shareHistoryOnInvite: config.shareHistoryOnInvite ?? false,
    keyRecipients: config.trust?.send ?? "all",
    presence: config.presence ?? "off",
  };
}
