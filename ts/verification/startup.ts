/**
 * Startup self-verification (VER-6): an account whose device is not verified asks its other
 * devices once, and then not again for a while. When that was is kept in the account's folder.
 */
import type { ResolvedMatrixAccount } from "../config/accounts.ts";
import type { ChannelLogSink } from "../host/types.ts";
import type { Account } from "../native/account.ts";
import { isMatrixError } from "../native/errors.ts";

/** Hours between two requests unless the configuration says otherwise. */
const COOLDOWN_HOURS = 24;
/** Hours after a request that could not be sent. */
const FAILURE_HOURS = 1;

const HOUR_MS = 3_600_000;

export interface StartupInput {
  account: Account;
  resolved: ResolvedMatrixAccount;
  /** Where the account's keys stand. */
  path: string;
  log: ChannelLogSink;
  /** Waits before another try while the homeserver cannot be asked; false when the account ends. */
  pause: (attempt: number) => Promise<boolean>;
}

export async function verifyAtStart(input: StartupInput): Promise<void> {
  const { account, resolved, path, log } = input;
  const { accountId, config } = resolved;
  if (!resolved.encryption || (config.startupVerification ?? "if-unverified") === "off") return;
  const hours = config.startupVerificationCooldownHours ?? COOLDOWN_HOURS;
  for (let attempt = 1; ; attempt++) {
    try {
      const { outcome, until } = await account.requestStartupVerification({
        cooldownMs: hours * HOUR_MS,
        failureCooldownMs: Math.min(hours, FAILURE_HOURS) * HOUR_MS,
      });
      if (outcome === "asked") {
        log.info(
          `[${accountId}] this device is not verified; asked the account's other devices to verify it. Accept the request there; ${path}.startupVerification: "off" ends these requests.`,
        );
      } else if (outcome === "no-identity") {
        log.info(`[${accountId}] this device is not verified, and the account has no cross-signing identity; make one with \`openclaw matrix encryption setup --account ${accountId}\`.`);
      } else if (outcome === "cooling-down" && until !== undefined) {
        log.debug?.(`[${accountId}] this device is not verified; the account's other devices are asked again after ${new Date(until).toISOString()}.`);
      }
      return;
    } catch (error) {
      if (isMatrixError(error, "closed")) return;
      const message = error instanceof Error ? error.message : String(error);
      const waits = isMatrixError(error) && ["network", "timeout", "rate_limited"].includes(error.code);
      if (!waits) return log.warn(`[${accountId}] the account's other devices could not be asked to verify this one: ${message}`);
      log.debug?.(`[${accountId}] the account's other devices could not be asked yet: ${message}`);
      if (!(await input.pause(attempt))) return;
    }
  }
}
