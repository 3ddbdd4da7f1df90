/** `openclaw matrix verify bootstrap`. */
import { type BootstrapParams, type BootstrapReport, verifyBootstrapOperation } from "../operations/bootstrap.ts";
import { accountCommand } from "./account-command.ts";
import { untilApproved } from "./approval.ts";
import { backupIssueLines, backupLine } from "./backup-lines.ts";
import { givenRecoveryKey, newRecoveryKeyLines, type RecoveryKeyOptions } from "./recovery-key.ts";
import { yesNo } from "./text.ts";
import { statusDetails } from "./verify.ts";

/** Up to a few dozen requests, and the first upload of the room keys. */
export const BOOTSTRAP_MS = 180_000;

export interface BootstrapOptions extends RecoveryKeyOptions {
  forceResetCrossSigning?: boolean;
}

export async function bootstrapParams(options: BootstrapOptions): Promise<BootstrapParams> {
  return {
    recoveryKey: await givenRecoveryKey(options),
    forceResetCrossSigning: options.forceResetCrossSigning ?? false,
    // Scripts ask for it with `verify status --include-recovery-key`, when they want it.
    showNewRecoveryKey: !options.json,
  };
}

/** What was done, what stands, and what is left to do. */
export function bootstrapLines(report: BootstrapReport, verbose: boolean): string[] {
  const { verification, changed } = report;
  const done = [
    changed?.identityCreated && "Made a cross-signing identity for this account.",
    changed?.identityReplaced && "Made a new cross-signing identity; the user's other devices have to verify again.",
    changed?.deviceSigned && "Signed this device with it.",
    changed?.recoveryKeyCreated && "Made a secret storage for the account's keys.",
    changed?.backupCreated && "Made a room-key backup.",
  ].filter((line) => typeof line === "string");
  return [
    ...(report.success ? [] : [`Not finished: ${report.error ?? "unknown"}`]),
    ...done,
    ...(report.success && done.length === 0 ? ["Nothing was missing."] : []),
    `Device verified by owner: ${yesNo(verification.crossSigningVerified)}`,
    `Key backup: ${backupLine(verification.backup)}`,
    `Recovery key kept: ${yesNo(verification.recoveryKeyStored)}${verification.recoveryKeyStored ? "; `openclaw matrix verify status --include-recovery-key --json` reads it" : ""}`,
    ...(verbose ? statusDetails(verification) : []),
    ...(report.success ? backupIssueLines(verification.backup) : []),
    ...newRecoveryKeyLines(changed?.recoveryKeyCreated ?? false, report.recoveryKey),
  ];
}

export const verifyBootstrap = accountCommand({
  operation: verifyBootstrapOperation,
  params: bootstrapParams,
  timeoutMs: () => BOOTSTRAP_MS,
  until: (ask, host, options) => untilApproved(ask, options.json ?? false, host.waiting),
  lines: (report, options) => bootstrapLines(report, options.verbose ?? false),
  exitCode: (report) => (report.success ? 0 : 1),
});
