/** `openclaw matrix verify device [key]`. */
import { verifyDeviceOperation } from "../operations/verify-device.ts";
import { accountCommand } from "./account-command.ts";
import { backupIssueLines } from "./backup-lines.ts";
import { secretOption } from "./options.ts";
import type { CommandOptions } from "./run.ts";
import { yesNo } from "./text.ts";
import { statusDetails } from "./verify.ts";

/** Secret storage, signatures and keys are a dozen requests. */
const DEVICE_MS = 120_000;

export interface DeviceOptions extends CommandOptions {
  recoveryKeyStdin?: boolean;
}

export const verifyDevice = accountCommand({
  operation: verifyDeviceOperation,
  params: async (options: DeviceOptions, args) => {
    const key = await secretOption({ value: args[0], stdin: options.recoveryKeyStdin, flag: "the key", stdinFlag: "--recovery-key-stdin" });
    if (key === undefined) throw new Error("Give the account's recovery key: pipe it in with --recovery-key-stdin.");
    return { key };
  },
  timeoutMs: () => DEVICE_MS,
  lines: (done, options) => [
    `Recovery key accepted: ${yesNo(done.recoveryKeyAccepted)}`,
    `Backup usable: ${yesNo(done.backupUsable)}`,
    `Device verified by owner: ${yesNo(done.deviceOwnerVerified)}`,
    ...(options.verbose ? statusDetails(done) : []),
    ...(done.error ? [`Problem: ${done.error}`] : []),
    ...(done.deviceOwnerVerified && !done.error ? backupIssueLines(done.backup) : []),
  ],
  exitCode: (done) => (done.deviceOwnerVerified ? 0 : 1),
});
