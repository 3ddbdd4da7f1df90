/** Encryption as the core tells and changes it; part of the contract in account.ts. */

/** What a person has to do about the backup, most important first (§2.4 of the features). */
export type BackupIssue =
  | "ok"
  | "missing-server-backup"
  | "key-load-failed"
  | "key-not-loaded"
  | "key-mismatch"
  | "untrusted-signature"
  | "inactive"
  | "indeterminate";

/** The room-key backup. */
export interface BackupStatus {
  serverVersion?: string;
  /** The version that this device's keys go to. */
  activeVersion?: string;
  /** Signed by this device, by the identity if that is ours, or by a verified device; or this device is verified and has its key. */
  trusted?: boolean;
  /** The key that is here opens the backup on the homeserver. */
  matchesDecryptionKey?: boolean;
  decryptionKeyCached?: boolean;
  /** The key was looked for in secret storage, with the kept recovery key. */
  keyLoadAttempted: boolean;
  keyLoadError?: string;
  issue: BackupIssue;
}

/** §2.2 of the features: the three trust signals stand apart, `verified` is cross-signing alone. */
export interface EncryptionStatus {
  encryptionEnabled: boolean;
  userId: string;
  deviceId: string;
  verified: boolean;
  localVerified: boolean;
  crossSigningVerified: boolean;
  signedByOwner: boolean;
  /** The recovery key of the account's secret storage is kept in the account's folder (BKP-4). */
  recoveryKeyStored: boolean;
  recoveryKeyCreatedAt?: number;
  /** The secret storage's default key. */
  recoveryKeyId?: string;
  backupVersion?: string;
  backup: BackupStatus;
  /** Whether the homeserver still lists this device; undefined if it could not be asked. */
  serverDeviceKnown?: boolean;
  pendingVerifications: number;
  crossSigning: { masterKeyPublished: boolean; selfSigningKeyPublished: boolean; userSigningKeyPublished: boolean };
  /** All private cross-signing keys are here. */
  privateKeysHere: boolean;
}

export interface BootstrapOptions {
  /** Opens the account's secret storage; otherwise the kept one is tried. */
  recoveryKey?: string;
  /** Make a new identity even though there is one: all other devices have to verify again. */
  forceResetCrossSigning: boolean;
}

/** What setting up changed; nothing, when all was there. */
export interface Bootstrapped {
  identityCreated: boolean;
  identityReplaced: boolean;
  deviceSigned: boolean;
  recoveryKeyCreated: boolean;
  backupCreated: boolean;
}

/** Why a recovery key did not do everything. */
export type RecoveryRefusal =
  | "malformed-key"
  | "former-key"
  | "backup-key"
  | "other-account"
  | "no-secret-storage"
  | "broken-secret-storage"
  | "stale-identity"
  | "missing-identity"
  | "stale-backup"
  | "missing-backup-key"
  | "no-backup";

/** What a recovery key achieved: three states, each of its own. */
export interface Recovered {
  recoveryKeyAccepted: boolean;
  backupUsable: boolean;
  deviceOwnerVerified: boolean;
  /** What is missing, most important first. */
  refusals: RecoveryRefusal[];
  /** The sentence about it, with the way out. */
  error?: string;
}

/** Room keys out of the backup: those of it that are here now, and all it holds. */
export interface Restored {
  version: string;
  imported: number;
  total: number;
  loadedFromSecretStorage: boolean;
}

export interface BackupReset {
  previousVersion?: string;
  deletedVersion?: string;
  createdVersion: string;
  /** The former recovery key opens nothing any more. */
  recoveryKeyCreated: boolean;
}

/**
 * Setting up encryption. Each is idempotent, and starts the account's sync where it does
 * not run: a device whose keys nobody has seen cannot be signed.
 */
export interface EncryptionSetup {
  encryptionStatus(): Promise<EncryptionStatus>;
  /** The recovery key that the account's folder keeps. */
  recoveryKey(): Promise<string | undefined>;
  /** Makes what is missing and takes over what is there; replaces nothing unless told to. */
  bootstrapEncryption(options: BootstrapOptions): Promise<Bootstrapped>;
  /** Verifies this device with the recovery key, or the one that the account's folder keeps, and connects it to the backup. */
  recover(recoveryKey?: string): Promise<Recovered>;
  /** Downloads all room keys of the backup. */
  restoreBackup(recoveryKey?: string): Promise<Restored>;
  /** Begins a new backup and takes the former one off the homeserver. */
  resetBackup(rotateRecoveryKey: boolean): Promise<BackupReset>;
}
