/** The room-key backup for people: what is wrong, and the command that helps (§2.4 of the features). */
import type { BackupIssue } from "../native/encryption.ts";
import type { BackupReport } from "../operations/encryption-report.ts";
import { inline, yesNo } from "./text.ts";

const ISSUES: Readonly<Record<Exclude<BackupIssue, "ok">, { what: string; steps: readonly string[] }>> = {
  "missing-server-backup": {
    what: "no room-key backup exists on the homeserver",
    steps: ["Make one: `openclaw matrix verify bootstrap`."],
  },
  "key-load-failed": {
    what: "the backup's key could not be loaded from secret storage",
    steps: ["Load it with the account's recovery key: `openclaw matrix verify backup restore --recovery-key-stdin`."],
  },
  "key-not-loaded": {
    what: "this device does not have the backup's key yet",
    steps: ["Load it: `openclaw matrix verify backup restore`, with --recovery-key-stdin if this account keeps no recovery key."],
  },
  "key-mismatch": {
    what: "the key on this device is another backup's",
    steps: [
      "Load the right one: `openclaw matrix verify backup restore --recovery-key-stdin`.",
      "Or begin a new backup; what only the present one holds is lost: `openclaw matrix verify backup reset --yes`.",
    ],
  },
  "untrusted-signature": {
    what: "nobody whom this device trusts has signed the backup",
    steps: ["Verify this device: `openclaw matrix verify device --recovery-key-stdin`, or `openclaw matrix verify self`."],
  },
  inactive: {
    what: "this device does not put its keys into the backup",
    steps: ["Verify this device: `openclaw matrix verify device --recovery-key-stdin`."],
  },
  indeterminate: {
    what: "it cannot be told how the backup stands",
    steps: ["Look closer: `openclaw matrix verify status --verbose`."],
  },
};

/** One line. */
export function backupLine(backup: BackupReport): string {
  if (backup.issue === "ok") return `version ${inline(backup.activeVersion ?? "")}, in use`;
  if (backup.issue === "missing-server-backup") return "none on the homeserver";
  const version = backup.serverVersion === null ? "" : `version ${inline(backup.serverVersion)} on the homeserver, `;
  return `${version}${backup.activeVersion === backup.serverVersion && backup.serverVersion !== null ? "in use" : "not in use by this device"}`;
}

/** What is wrong and what to do; nothing if all is well. */
export function backupIssueLines(backup: BackupReport): string[] {
  if (backup.issue === "ok") return [];
  const { what, steps } = ISSUES[backup.issue];
  return [`Backup issue: ${what} (${backup.issue})`, "Next steps:", ...steps.map((step) => `- ${step}`)];
}

/** Everything that is known of it. */
export function backupDetails(backup: BackupReport): string[] {
  const version = (one: string | null) => (one === null ? "none" : inline(one));
  return [
    `  backup on the homeserver: ${version(backup.serverVersion)}, in use here: ${version(backup.activeVersion)}`,
    `  backup signature trusted: ${yesNo(backup.trusted)}`,
    `  backup key here: ${yesNo(backup.decryptionKeyCached)}, matches: ${yesNo(backup.matchesDecryptionKey)}`,
    `  backup key looked for in secret storage: ${yesNo(backup.keyLoadAttempted)}`,
    ...(backup.keyLoadError ? [`  backup key could not be loaded: ${inline(backup.keyLoadError)}`] : []),
  ];
}
