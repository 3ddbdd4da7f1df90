/** Writing to `channels.matrix`: always a new configuration, always into the place that is read. */
import { DEFAULT_ACCOUNT_ID, type HostConfig, type MatrixAccountConfig, normalizeAccountId } from "./accounts.ts";
import { dotted } from "./key-path.ts";
import type { MatrixChannelConfig } from "./schema.ts";
import { matrixSection } from "./section.ts";

/** The key of the account's entry in `accounts`, in whatever spelling it has there. */
export function accountKey(section: MatrixChannelConfig, accountId: string): string | undefined {
  const accounts = section.accounts ?? {};
  if (Object.hasOwn(accounts, accountId)) return accountId;
  return Object.keys(accounts).find((key) => normalizeAccountId(key) === accountId);
}

function withSection<T extends HostConfig>(cfg: T, section: MatrixChannelConfig): T {
  return { ...cfg, channels: { ...cfg.channels, matrix: section } };
}

/** `keys` over `entry`; a key set to undefined is taken out. */
function overlay<E extends MatrixAccountConfig>(entry: E, keys: Partial<MatrixAccountConfig>): E {
  const next: Record<string, unknown> = { ...entry };
  for (const [key, value] of Object.entries(keys)) {
    if (value === undefined) delete next[key];
    else next[key] = value;
  }
  return next as E;
}

/**
 * The account's own keys as they stand in the file: its entry, or for `default`
 * without one the top level.
 */
export function writtenAccount(cfg: HostConfig, accountId: string): MatrixAccountConfig {
  const section = matrixSection(cfg);
  const key = accountKey(section, accountId);
  if (key !== undefined) return section.accounts?.[key] ?? {};
  return accountId === DEFAULT_ACCOUNT_ID ? section : {};
}

/** Where those keys stand, as a person would write it. */
export function writtenPath(cfg: HostConfig, accountId: string): string {
  const key = accountKey(matrixSection(cfg), accountId) ?? (accountId === DEFAULT_ACCOUNT_ID ? undefined : accountId);
  return key === undefined ? "channels.matrix" : dotted(["channels", "matrix", "accounts", key]);
}

/** Sets keys where `writtenAccount` reads them; undefined takes a key out. */
export function editAccount<T extends HostConfig>(cfg: T, accountId: string, keys: Partial<MatrixAccountConfig>): T {
  const section = matrixSection(cfg);
  const key = accountKey(section, accountId) ?? (accountId === DEFAULT_ACCOUNT_ID ? undefined : accountId);
  if (key === undefined) return withSection(cfg, overlay(section, keys));
  const entry = overlay(section.accounts?.[key] ?? {}, keys);
  return withSection(cfg, { ...section, accounts: { ...section.accounts, [key]: entry } });
}

/**
 * Switches an account on or off. The default account among others gets an entry
 * of its own for it: the top level's `enabled` is everybody's.
 */
export function setAccountEnabled<T extends HostConfig>(cfg: T, accountId: string, enabled: boolean): T {
  const id = normalizeAccountId(accountId);
  const section = matrixSection(cfg);
  const others = Object.keys(section.accounts ?? {}).length > 0;
  if (id !== DEFAULT_ACCOUNT_ID || !others || accountKey(section, id) !== undefined) return editAccount(cfg, id, { enabled });
  return withSection(cfg, { ...section, accounts: { ...section.accounts, [DEFAULT_ACCOUNT_ID]: { enabled } } });
}

/** The keys that make the top level an account; policies stay for the other accounts. */
export const IDENTITY_KEYS = [
  "name",
  "homeserver",
  "network",
  "allowPrivateNetwork",
  "proxy",
  "userId",
  "accessToken",
  "password",
  "deviceId",
  "deviceName",
  "avatarUrl",
  "initialSyncLimit",
  "encryption",
  "recoveryKey",
  "storePassphrase",
] as const satisfies readonly (keyof MatrixAccountConfig)[];

/** What an identity needs and nobody else can use: named accounts do not inherit it. */
export const LOGIN_KEYS = ["userId", "accessToken", "password", "deviceId", "recoveryKey"] as const;

/**
 * Before a second account comes, the one that the top level is gets an entry of its own, so
 * that neither inherits from the other what makes an identity (WIZ-10). Policies stay for all.
 */
export function promoteTopLevel<T extends HostConfig>(cfg: T): T {
  const section: MatrixChannelConfig = { ...matrixSection(cfg) };
  if (Object.keys(section.accounts ?? {}).length > 0 || !LOGIN_KEYS.some((key) => section[key] !== undefined)) return cfg;
  const own: Partial<MatrixAccountConfig> = {};
  for (const key of IDENTITY_KEYS) {
    if (section[key] === undefined) continue;
    Object.assign(own, { [key]: section[key] });
    delete section[key];
  }
  return withSection(cfg, { ...section, accounts: { [DEFAULT_ACCOUNT_ID]: own } });
}

/** Takes an account out of the configuration; its stored state stays on disk. */
export function deleteAccount<T extends HostConfig>(cfg: T, accountId: string): T {
  const id = normalizeAccountId(accountId);
  const section: MatrixChannelConfig = { ...matrixSection(cfg) };
  const key = accountKey(section, id);
  if (key !== undefined) {
    const { [key]: _gone, ...accounts } = section.accounts ?? {};
    section.accounts = accounts;
  }
  if (id === DEFAULT_ACCOUNT_ID) for (const one of LOGIN_KEYS) delete section[one];
  if (section.defaultAccount && normalizeAccountId(section.defaultAccount) === id) delete section.defaultAccount;
  if (section.accounts && Object.keys(section.accounts).length === 0) delete section.accounts;
  return withSection(cfg, section);
}
