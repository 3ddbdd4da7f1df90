/**
 * The only place that knows the process' environment: the variables' names,
 * global and scoped to an account, and where the host keeps its state.
 */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { DEFAULT_ACCOUNT_ID, normalizeAccountId } from "./account-id.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of this process. */
export function processEnvironment(): Environment {
  return process.env;
}

/** What an account may take from the environment, and the ending of each variable. */
const SUFFIXES = {
  homeserver: "HOMESERVER",
  userId: "USER_ID",
  accessToken: "ACCESS_TOKEN",
  password: "PASSWORD",
  deviceId: "DEVICE_ID",
  deviceName: "DEVICE_NAME",
} as const;

export type EnvField = keyof typeof SUFFIXES;
export const ENV_FIELDS = Object.keys(SUFFIXES) as EnvField[];

/** `MATRIX_HOMESERVER` and its kin. */
export function globalEnvName(field: EnvField): string {
  return `MATRIX_${SUFFIXES[field]}`;
}

/**
 * `MATRIX_OPS_X2D_BOT_HOMESERVER` for account `ops-bot`: letters and digits in
 * upper case, everything else as `_X<hex>_`, so that no two accounts share a name (WIZ-9).
 */
export function scopedEnvName(accountId: string, field: EnvField): string {
  return `MATRIX_${envToken(accountId)}_${SUFFIXES[field]}`;
}

function envToken(accountId: string): string {
  return [...normalizeAccountId(accountId)]
    .map((char) => (/[a-z0-9]/.test(char) ? char.toUpperCase() : `_X${char.codePointAt(0)?.toString(16).toUpperCase()}_`))
    .join("");
}

/** The account a scoped variable's middle part stands for, if it stands for one. */
function accountOfToken(token: string): string | undefined {
  const text = token.replaceAll(/_X([0-9A-F]{1,6})_/g, (whole, hex: string) => {
    const point = Number.parseInt(hex, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
  const id = normalizeAccountId(text.toLowerCase());
  return envToken(id) === token ? id : undefined;
}

/** A variable's value without surrounding blanks; empty ones count as not set. */
export function readEnv(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value ? value : undefined;
}

/** Accounts that the environment says something about. */
export function envAccountIds(env: Environment): string[] {
  const ids = new Set<string>();
  if (ENV_FIELDS.some((field) => readEnv(env, globalEnvName(field)))) ids.add(DEFAULT_ACCOUNT_ID);
  const scoped = new RegExp(`^MATRIX_(.+)_(?:${Object.values(SUFFIXES).join("|")})$`);
  for (const name of Object.keys(env)) {
    const token = scoped.exec(name)?.[1];
    const id = token && readEnv(env, name) ? accountOfToken(token) : undefined;
    if (id) ids.add(id);
  }
  return [...ids].sort();
}

/** PEM file of further roots, as Node itself takes it (NET-6). */
export function extraCaCerts(env: Environment): string | undefined {
  return readEnv(env, "NODE_EXTRA_CA_CERTS");
}

/**
 * The host's state folder where no runtime is at hand to ask: `OPENCLAW_STATE_DIR`,
 * else `.openclaw` in `OPENCLAW_HOME` or the home folder.
 */
export function hostStateDir(env: Environment): string {
  const home = readEnv(env, "OPENCLAW_HOME") ?? readEnv(env, "HOME") ?? readEnv(env, "USERPROFILE") ?? homedir();
  const expand = (path: string) => (/^~(?=$|[\\/])/.test(path) ? join(homedir(), path.slice(1)) : resolve(path));
  const stated = readEnv(env, "OPENCLAW_STATE_DIR");
  return stated ? expand(stated) : join(expand(home), ".openclaw");
}
