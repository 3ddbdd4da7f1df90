/** How something that may fail half-way reports: what was reached is said all the same. */
import { isMatrixError, MatrixError, type MatrixErrorCode } from "../native/errors.ts";
import type { RawParams } from "./operation.ts";

export interface Outcome {
  success: boolean;
  error?: string;
  /** The error's code, for scripts. */
  code?: MatrixErrorCode;
}

export function failure(error: unknown): Outcome {
  return {
    success: false,
    error: error instanceof Error ? error.message : String(error),
    code: isMatrixError(error) ? error.code : "internal",
  };
}

/**
 * A recovery key out of a request.
 *
 * @throws MatrixError `config_invalid` naming the parameter; never with the key, whatever is wrong with it
 */
export function recoveryKeyParam(params: RawParams, name: string): string | undefined {
  const value = params[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string" || value.trim() === "") {
    throw new MatrixError("config_invalid", `The parameter \`${name}\` must be a recovery key; it is empty or no text.`);
  }
  return value.trim();
}
