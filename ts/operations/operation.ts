/**
 * What a command asks of one account. The same function runs in the gateway,
 * behind a gateway method, and in a command that holds the account's lock because
 * no gateway runs.
 */
import type { HostConfig, ResolvedMatrixAccount } from "../config/accounts.ts";
import type { Account } from "../native/account.ts";
import { MatrixError } from "../native/errors.ts";

/** Where an operation runs. */
export interface OperationContext {
  accountId: string;
  cfg: HostConfig;
  resolved: ResolvedMatrixAccount;
}

/** Parameters as they come over the wire. */
export type RawParams = Readonly<Record<string, unknown>>;

/**
 * @typeParam M name of the gateway method, listed in gateway/method-names.ts
 * @typeParam P what it needs to know; plain data, since it travels
 * @typeParam R its answer; plain data, and what the command prints with `--json`
 */
export interface Operation<M extends string, P extends object, R> {
  readonly method: M;
  /** Checks the parameters of a request; anybody with the right scope may send any. */
  readonly read: (params: RawParams) => P;
  readonly run: (account: Account, params: P, context: OperationContext) => Promise<R>;
}

/** Declares an operation; for its types' sake. */
export function operation<const M extends string, P extends object, R>(declared: Operation<M, P, R>): Operation<M, P, R> {
  return declared;
}

/** For operations that need to know nothing but the account. */
export function noParams(): Record<never, never> {
  return {};
}

/** A text, if there is one; blanks alone count as none. */
export function optionalText(params: RawParams, key: string): string | undefined {
  const value = params[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw new MatrixError("config_invalid", `The parameter \`${key}\` must be a text.`);
  return value.trim() || undefined;
}

/**
 * A text that must be there.
 *
 * @throws MatrixError `config_invalid` naming the parameter
 */
export function requiredText(params: RawParams, key: string): string {
  const value = optionalText(params, key);
  if (value === undefined) throw new MatrixError("config_invalid", `The parameter \`${key}\` is missing.`);
  return value;
}

/** A switch; absent is off. */
export function flag(params: RawParams, key: string): boolean {
  const value = params[key] ?? false;
  if (typeof value !== "boolean") throw new MatrixError("config_invalid", `The parameter \`${key}\` must be true or false.`);
  return value;
}
