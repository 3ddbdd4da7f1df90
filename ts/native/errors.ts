/**
 * The one error type of everything that goes through the core. The addon throws
 * plain `Error`s with the envelope as their properties (crates/matrix-node/src/error.rs);
 * here they become `MatrixError`.
 */

/** What kind of trouble it is; `ErrorCode` of the core. */
export const MATRIX_ERROR_CODES = [
  "config_invalid",
  "auth_failed",
  "auth_expired",
  "device_in_use",
  "account_restricted",
  "forbidden",
  "not_found",
  "rate_limited",
  "network",
  "timeout",
  "address_blocked",
  "store_locked",
  "store_corrupt",
  "store_newer",
  "storage_failed",
  "account_mismatch",
  "not_verified",
  "recovery_key_invalid",
  "approval_required",
  "backup_unusable",
  "verification_not_found",
  "verification_phase",
  "media_too_large",
  "cancelled",
  "closed",
  "internal",
] as const;

export type MatrixErrorCode = (typeof MATRIX_ERROR_CODES)[number];

/** What the homeserver said beside the code, where there was an answer. */
export interface MatrixErrorDetails {
  /** Matrix `errcode`. */
  errcode?: string;
  /** HTTP status. */
  status?: number;
  /** How long the homeserver asks to wait. */
  retryAfterMs?: number;
}

const codes: ReadonlySet<unknown> = new Set(MATRIX_ERROR_CODES);

/** The host evaluates the plugin several times in one process; all its classes know each other by this. */
const BRAND = Symbol.for("openclaw-matrix-rs.error");

/** An error with a code; its message is a sentence for a person and holds no secret. */
export class MatrixError extends Error implements MatrixErrorDetails {
  override readonly name = "MatrixError";
  readonly [BRAND] = true;
  readonly code: MatrixErrorCode;
  declare readonly errcode?: string;
  declare readonly status?: number;
  declare readonly retryAfterMs?: number;

  constructor(code: MatrixErrorCode, message: string, details: MatrixErrorDetails & ErrorOptions = {}) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.code = code;
    if (details.errcode !== undefined) this.errcode = details.errcode;
    if (details.status !== undefined) this.status = details.status;
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs;
  }
}

/** Whether it is a `MatrixError`, made by this or another evaluation of the plugin, and of one of these codes if any are given. */
export function isMatrixError(error: unknown, ...wanted: MatrixErrorCode[]): error is MatrixError {
  if (!(error instanceof Error) || (error as { [BRAND]?: unknown })[BRAND] !== true) return false;
  return wanted.length === 0 || wanted.includes((error as MatrixError).code);
}

/** What the addon threw, as a `MatrixError`; what it cannot have meant to throw is `internal`. */
export function fromNative(error: unknown): MatrixError {
  if (isMatrixError(error)) return error;
  if (!(error instanceof Error)) return new MatrixError("internal", String(error), { cause: error });
  const { code, errcode, status, retryAfterMs } = error as Error & { code?: unknown } & MatrixErrorDetails;
  if (!codes.has(code)) return new MatrixError("internal", error.message, { cause: error });
  return new MatrixError(code as MatrixErrorCode, error.message, {
    ...(typeof errcode === "string" ? { errcode } : {}),
    ...(typeof status === "number" ? { status } : {}),
    ...(typeof retryAfterMs === "number" ? { retryAfterMs } : {}),
  });
}
