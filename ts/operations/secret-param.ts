/** A secret out of a request. */
import { MatrixError } from "../native/errors.ts";
import type { RawParams } from "./operation.ts";

/** @throws MatrixError `config_invalid` naming the parameter; never with the secret */
export function secretParam(params: RawParams, name: string): string | undefined {
  const value = params[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string" || value === "") throw new MatrixError("config_invalid", `The parameter \`${name}\` is empty or no text.`);
  return value;
}
