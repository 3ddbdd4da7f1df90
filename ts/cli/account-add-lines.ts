/** What `account add` did, for people. */
import type { AccountAddReport } from "./account-add.ts";
import { newRecoveryKeyLines } from "./recovery-key.ts";
import { inline, sentence } from "./text.ts";

export function accountAddLines(report: AccountAddReport, verbose: boolean): string[] {
  const { accountId, configPath, deviceHealth, verificationBootstrap: encryption, profile } = report;
  const stale = deviceHealth.staleOpenClawDeviceIds;
  return [
    `Account "${accountId}" is saved under ${configPath}; a running gateway takes it over by itself.`,
    ...(deviceHealth.error === undefined ? [] : [`Not asked yet: ${inline(deviceHealth.error)}`]),
    ...(deviceHealth.currentDeviceId === null ? [] : [`Device: ${deviceHealth.currentDeviceId}`]),
    ...(stale.length === 0 ? [] : [`Devices that earlier gateways left: ${stale.map(inline).join(", ")}. Delete them with \`openclaw matrix devices prune-stale --account ${accountId}\`.`]),
    ...(encryption.attempted && encryption.success ? [`Encryption: set up, backup version ${inline(encryption.backupVersion ?? "?")}`] : []),
    ...(encryption.error === undefined ? [] : [`Encryption not finished: ${sentence(inline(encryption.error))} See \`openclaw matrix encryption setup --account ${accountId}\`.`]),
    ...(profile.error === undefined ? [] : [`Profile not set: ${inline(profile.error)}`]),
    ...(verbose && profile.attempted ? [`Profile: name ${profile.displayNameUpdated ? "changed" : "unchanged"}, picture ${profile.avatarUpdated ? "changed" : "unchanged"}`] : []),
    ...newRecoveryKeyLines(report.recoveryKeyCreated, report.recoveryKey),
    `Next: \`openclaw agents bind --agent <id> --bind matrix:${accountId}\` gives the account an agent.`,
  ];
}
