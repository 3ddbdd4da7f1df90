/** `openclaw matrix verify …`. */
import type { EncryptionReport } from "../operations/encryption-report.ts";
import { type StatusReport, verifyStatusOperation } from "../operations/verify-status.ts";
import { accountCommand } from "./account-command.ts";
import { backupDetails, backupIssueLines, backupLine } from "./backup-lines.ts";
import type { CommandOptions } from "./run.ts";
import { yesNo } from "./text.ts";

export interface StatusOptions extends CommandOptions {
  includeRecoveryKey?: boolean;
  allowDegradedLocalState?: boolean;
}

export const verifyStatus = accountCommand({
  operation: verifyStatusOperation,
  params: (options: StatusOptions) => ({ includeRecoveryKey: options.includeRecoveryKey ?? false }),
  check: (report, options) => {
    const unasked = report.encryptionEnabled && report.serverDeviceKnown === null;
    if (unasked && !options.allowDegradedLocalState) {
      throw new Error("The homeserver could not be asked about this device. Try again, or add --allow-degraded-local-state to see what is known here.");
    }
  },
  lines: (report, options) => statusLines(report, options.verbose ?? false),
  exitCode: (report) => (report.serverDeviceKnown === false ? 1 : 0),
});

/** The report for people: the verdict first, then what it rests on, then what to do. */
export function statusLines(report: StatusReport, verbose: boolean): string[] {
  const lines = [`${report.userId}, device ${report.deviceId}`];
  if (!report.encryptionEnabled) {
    return [...lines, "Encryption: off", "Next: set encryption: true on this account to read and write in encrypted rooms."];
  }
  lines.push("Encryption: on");
  lines.push(
    report.crossSigningVerified
      ? "Verified: yes, signed by the account's own cross-signing identity"
      : "Verified: no, the account's own cross-signing identity has not signed this device",
  );
  lines.push(`Key backup: ${backupLine(report.backup)}`);
  if (report.pendingVerifications > 0) lines.push(`Verification requests waiting: ${report.pendingVerifications}`);
  if (verbose) lines.push(...statusDetails(report));
  if (report.recoveryKey !== undefined) lines.push("Recovery key: kept here; add --json to read it.");
  return [...lines, ...nextSteps(report)];
}

/** Every signal apart. */
export function statusDetails(report: EncryptionReport): string[] {
  const { backup, crossSigning } = report;
  return [
    `  verified locally: ${yesNo(report.localVerified)}`,
    `  verified by cross-signing: ${yesNo(report.crossSigningVerified)}`,
    `  signed by its owner: ${yesNo(report.signedByOwner)}`,
    `  cross-signing keys published: master ${yesNo(crossSigning.masterKeyPublished)}, self-signing ${yesNo(crossSigning.selfSigningKeyPublished)}, user-signing ${yesNo(crossSigning.userSigningKeyPublished)}`,
    `  recovery key stored: ${yesNo(report.recoveryKeyStored)}${report.recoveryKeyId ? ` (${report.recoveryKeyId})` : ""}`,
    ...backupDetails(backup),
    `  known to the homeserver: ${yesNo(report.serverDeviceKnown)}`,
  ];
}

function nextSteps(report: EncryptionReport): string[] {
  if (report.serverDeviceKnown === false) {
    return [
      "Next: the homeserver does not know this device any more; it was deleted or logged out.",
      "      Get a new one: `openclaw matrix devices renew`, with --password-stdin if no password is configured.",
    ];
  }
  if (!report.crossSigningVerified) {
    return [
      report.crossSigning.masterKeyPublished
        ? "Next: verify this device with `openclaw matrix verify device --recovery-key-stdin`, or from another client with `openclaw matrix verify self`."
        : "Next: set the account's encryption up with `openclaw matrix encryption setup`.",
      "      Until then messages work, but other people's clients show this device as unverified.",
    ];
  }
  return backupIssueLines(report.backup);
}
