/**
 * After the wizard: an account that takes part in encrypted rooms gets its encryption set up, as `openclaw matrix
 * encryption setup` does it (WIZ-8). The gateway has the account; without one there is a command to run later.
 */
import { setTimeout as pause } from "node:timers/promises";
import { normalizeAccountId, resolveMatrixAccount } from "../config/accounts.ts";
import { callGatewayFromCli, isGatewayTransportError } from "../host/rpc.ts";
import type { OpenClawConfig } from "../host/setup.ts";

const METHOD = "matrix.encryption.setup";
/** A first login, keys and a backup; the account may still be starting. */
const CALL_MS = 120_000;
const STARTS_MS = 60_000;
const RETRY_MS = 2000;

export interface AfterWrite {
  cfg: OpenClawConfig;
  accountId: string;
  runtime: { log: (line: string) => void };
}

export async function setUpEncryption({ cfg, accountId: stated, runtime }: AfterWrite, call: typeof callGatewayFromCli = callGatewayFromCli, retryMs = RETRY_MS): Promise<void> {
  const accountId = normalizeAccountId(stated);
  if (!resolveMatrixAccount(cfg, accountId).encryption) return;
  const command = `openclaw matrix encryption setup --account ${accountId}`;
  const until = Date.now() + STARTS_MS;
  for (;;) {
    try {
      const { success, error } = (await call(METHOD, { timeout: String(CALL_MS) }, { accountId }, { progress: false })) as { success?: boolean; error?: string };
      runtime.log(success ? "Matrix encryption is set up." : `Matrix encryption is not set up: ${error ?? "no reason given"} Try again with \`${command}\`.`);
      return;
    } catch (error) {
      if (isGatewayTransportError(error)) return runtime.log(`Next, with the gateway running: \`${command}\`, for verification and a key backup.`);
      if (Date.now() >= until) return runtime.log(`Matrix encryption is not set up: ${error instanceof Error ? error.message : String(error)} Try again with \`${command}\`.`);
      await pause(retryMs);
    }
  }
}
