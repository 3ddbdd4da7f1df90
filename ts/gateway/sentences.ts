/** Why an account does not run, for people: what happened, and the key or command that helps. */
import { isMatrixError, type MatrixErrorCode } from "../native/errors.ts";

export interface Trouble {
  code: MatrixErrorCode;
  message: string;
  /** Waiting may cure it. */
  transient: boolean;
}

/** Codes that time alone may cure. */
const TRANSIENT: ReadonlySet<MatrixErrorCode> = new Set<MatrixErrorCode>(["network", "timeout", "rate_limited", "account_restricted", "storage_failed", "internal", "cancelled", "closed"]);

/**
 * Advice by code.
 *
 * @param path where the account's keys stand
 */
function advice(code: MatrixErrorCode, path: string, accountId: string): string | undefined {
  const renew = `openclaw matrix devices renew --account ${accountId} --password-stdin`;
  switch (code) {
    case "auth_failed":
      return `Check ${path}.accessToken, or ${path}.userId and ${path}.password`;
    case "auth_expired":
      return `Run \`${renew}\`, which logs in as a new device, or set ${path}.userId and ${path}.password so that the plugin can log in again`;
    case "device_in_use":
      return `Run \`${renew}\`: it gives the account a device of its own in place of that of ${path}.accessToken`;
    case "account_mismatch":
      return `Correct ${path}.userId and ${path}.deviceId, or give this login an account entry of its own under channels.matrix.accounts`;
    case "address_blocked":
      return `If the homeserver is meant to be private, set ${path}.network.dangerouslyAllowPrivateNetwork to true`;
    case "store_locked":
      return "Stop the other process, or wait: this account starts as soon as the lock is free";
    case "store_corrupt":
      return `Run \`${renew}\`, or set ${path}.userId and ${path}.password: the account then logs in as a new device; see \`openclaw matrix verify status --account ${accountId}\` afterwards`;
    case "account_restricted":
    case "storage_failed":
      return "The plugin keeps trying";
    case "not_found":
    case "forbidden":
      return `Check that ${path}.homeserver is the homeserver's base URL`;
    case "network":
    case "timeout":
      return `Check ${path}.homeserver and the network; the plugin keeps trying`;
    default:
      return undefined;
  }
}

export function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}

/** One error as trouble. */
export function troubleOf(error: unknown, place: { path: string; accountId: string }): Trouble {
  const message = error instanceof Error ? error.message : String(error);
  return trouble(isMatrixError(error) ? error.code : "internal", message, place);
}

export function trouble(code: MatrixErrorCode, message: string, place: { path: string; accountId: string }): Trouble {
  return { code, message: withHelp(code, sentence(message), place), transient: TRANSIENT.has(code) };
}

/** The keys a person sets; the core names them bare, since it does not know where they stand. */
const BARE_KEYS = /`(?:accessToken|password|userId|deviceId|homeserver|network\.\w+|storePassphrase)(?::[^`]*)?`/;

function withHelp(code: MatrixErrorCode, message: string, { path, accountId }: { path: string; accountId: string }): string {
  if (message.includes(path) || message.includes("`openclaw channels login")) return message;
  if (BARE_KEYS.test(message)) return `${message} The keys stand under ${path}.`;
  const help = advice(code, path, accountId);
  return help === undefined || message.includes(help) ? message : `${message} ${help}.`;
}
