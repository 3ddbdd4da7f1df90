/** The only place that reads the process' environment. */
import { resolveStateDir } from "../host/paths.ts";
import { DEFAULT_ACCOUNT_ID } from "./account-id.ts";
import { accountOfToken, ENV_FIELDS, ENV_SUFFIXES, globalEnvName } from "./env-names.ts";

export { ENV_FIELDS, type EnvField, globalEnvName, scopedEnvName } from "./env-names.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of this process. */
export function processEnvironment(): Environment {
  return process.env;
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
  const scoped = new RegExp(`^MATRIX_(.+)_(?:${ENV_SUFFIXES.join("|")})$`);
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

/** The host's state folder where no runtime is at hand to ask. */
export function hostStateDir(env: Environment): string {
  return resolveStateDir(env);
}
