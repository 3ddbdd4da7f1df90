/** The encryption status as `verify status --json` prints it; the shape is the official plugin's, so scripts keep working. */
import type { BackupIssue, BackupStatus, EncryptionStatus } from "../native/encryption.ts";

export interface BackupReport {
  serverVersion: string | null;
  activeVersion: string | null;
  trusted: boolean | null;
  matchesDecryptionKey: boolean | null;
  decryptionKeyCached: boolean | null;
  keyLoadAttempted: boolean;
  keyLoadError: string | null;
  /** What a person has to do about it. */
  issue: BackupIssue;
}

export interface EncryptionReport {
  encryptionEnabled: boolean;
  userId: string;
  deviceId: string;
  /** Cross-signing alone decides: local trust is not enough. */
  verified: boolean;
  localVerified: boolean;
  crossSigningVerified: boolean;
  signedByOwner: boolean;
  recoveryKeyStored: boolean;
  recoveryKeyCreatedAt: string | null;
  recoveryKeyId: string | null;
  backupVersion: string | null;
  backup: BackupReport;
  /** `false`: the homeserver does not know this device any more; null: it could not be asked. */
  serverDeviceKnown: boolean | null;
  pendingVerifications: number;
  crossSigning: { masterKeyPublished: boolean; selfSigningKeyPublished: boolean; userSigningKeyPublished: boolean };
}

export function encryptionReport(status: EncryptionStatus): EncryptionReport {
  return {
    encryptionEnabled: status.encryptionEnabled,
    userId: status.userId,
    deviceId: status.deviceId,
    verified: status.crossSigningVerified,
    localVerified: status.localVerified,
    crossSigningVerified: status.crossSigningVerified,
    signedByOwner: status.signedByOwner,
    recoveryKeyStored: status.recoveryKeyStored,
    recoveryKeyCreatedAt: status.recoveryKeyCreatedAt === undefined ? null : new Date(status.recoveryKeyCreatedAt).toISOString(),
    recoveryKeyId: status.recoveryKeyId ?? null,
    backupVersion: status.backupVersion ?? null,
    backup: backupReport(status.backup),
    serverDeviceKnown: status.serverDeviceKnown ?? null,
    pendingVerifications: status.pendingVerifications,
    crossSigning: status.crossSigning,
  };
}

export function backupReport(backup: BackupStatus): BackupReport {
  return {
    serverVersion: backup.serverVersion ?? null,
    activeVersion: backup.activeVersion ?? null,
    trusted: backup.trusted ?? null,
    matchesDecryptionKey: backup.matchesDecryptionKey ?? null,
    decryptionKeyCached: backup.decryptionKeyCached ?? null,
    keyLoadAttempted: backup.keyLoadAttempted,
    keyLoadError: backup.keyLoadError ?? null,
    issue: backup.issue,
  };
}
