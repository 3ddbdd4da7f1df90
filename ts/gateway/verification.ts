/** Wires the verifications of a running account to its configuration, the host and the log. */
import type { OpenClawConfig, PluginRuntime } from "../host/types.ts";
import { followVerifications, type FollowInput } from "../verification/follow.ts";
import { verifyAtStart } from "../verification/startup.ts";
import { pause } from "./backoff.ts";

/** How long the account's other devices may take to hear of this one, in milliseconds. */
const SETTLING_MS = 10_000;

export interface VerificationWiring extends Omit<FollowInput, "owners" | "paired"> {
  runtime: PluginRuntime;
  cfg: () => OpenClawConfig;
  /** Pause before another try, in milliseconds. */
  delay: (attempt: number) => number;
  signal: AbortSignal;
  /** What else might verify the device at this start; asked for only once it is over. */
  unattended: Promise<void>;
}

/** Runs until the account is closed. */
export async function runVerifications(input: VerificationWiring): Promise<void> {
  const { account, accountId, runtime, cfg, resolved, path, log, signal } = input;
  if (!resolved().encryption) return;
  const following = followVerifications({
    account,
    accountId,
    resolved,
    path,
    log,
    owners: () => cfg().commands?.ownerAllowFrom ?? [],
    paired: () => runtime.channel.pairing.readAllowFromStore({ channel: "matrix", accountId }),
  });
  await input.unattended;
  // A device that has just logged in is not known to the others yet, and they drop what strangers ask.
  await pause(SETTLING_MS, signal);
  if (!signal.aborted) {
    await verifyAtStart({
      account,
      resolved: resolved(),
      path,
      log,
      pause: async (attempt) => {
        await pause(input.delay(attempt), signal);
        return !signal.aborted;
      },
    });
  }
  await following;
}
