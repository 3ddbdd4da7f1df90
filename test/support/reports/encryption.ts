/** `encryption setup`, `verify status|bootstrap|device` and `verify backup …`. */
import { z } from "zod";
import type { EncryptionSetupReport } from "../../../ts/cli/encryption-setup.ts";
import type { BackupIssue, Bootstrapped, RecoveryRefusal } from "../../../ts/native/encryption.ts";
import type { BootstrapReport } from "../../../ts/operations/bootstrap.ts";
import type { BackupReport, EncryptionReport } from "../../../ts/operations/encryption-report.ts";
import type { ResetReport, RestoreReport } from "../../../ts/operations/verify-backup.ts";
import type { DeviceReport } from "../../../ts/operations/verify-device.ts";
import type { StatusReport } from "../../../ts/operations/verify-status.ts";
import { configPath, moment, of, outcomeShape, shape, userId } from "./schema.ts";

const ISSUES = ["ok", "missing-server-backup", "key-load-failed", "key-not-loaded", "key-mismatch", "untrusted-signature", "inactive", "indeterminate"] as const satisfies readonly BackupIssue[];

const backup = of<BackupReport>()(
  z.strictObject({
    serverVersion: z.string().nullable(),
    activeVersion: z.string().nullable(),
    trusted: z.boolean().nullable(),
    matchesDecryptionKey: z.boolean().nullable(),
    decryptionKeyCached: z.boolean().nullable(),
    keyLoadAttempted: z.boolean(),
    keyLoadError: z.string().nullable(),
    issue: z.enum(ISSUES),
  }),
);

const published = shape({ masterKeyPublished: z.boolean(), selfSigningKeyPublished: z.boolean(), userSigningKeyPublished: z.boolean() });

const encryptionShape = shape({
  encryptionEnabled: z.boolean(),
  userId,
  deviceId: z.string().min(1),
  verified: z.boolean(),
  localVerified: z.boolean(),
  crossSigningVerified: z.boolean(),
  signedByOwner: z.boolean(),
  recoveryKeyStored: z.boolean(),
  recoveryKeyCreatedAt: moment.nullable(),
  recoveryKeyId: z.string().nullable(),
  backupVersion: z.string().nullable(),
  backup,
  serverDeviceKnown: z.boolean().nullable(),
  pendingVerifications: z.int().min(0),
  crossSigning: z.strictObject(published),
});
const encryption = of<EncryptionReport>()(z.strictObject(encryptionShape));

const bootstrap = of<BootstrapReport>()(
  z.strictObject({
    ...outcomeShape,
    verification: encryption,
    crossSigning: z.strictObject({ userId, ...published, published: z.boolean() }),
    pendingVerifications: z.int().min(0),
    cryptoBootstrap: z.strictObject({ crossSigningReady: z.boolean(), crossSigningPublished: z.boolean(), ownDeviceVerified: z.boolean() }).nullable(),
    changed: of<Bootstrapped>()(
      z.strictObject({ identityCreated: z.boolean(), identityReplaced: z.boolean(), deviceSigned: z.boolean(), recoveryKeyCreated: z.boolean(), backupCreated: z.boolean() }),
    ).nullable(),
    recoveryKey: z.string().optional(),
  }),
);

const REFUSALS = [
  "malformed-key",
  "former-key",
  "backup-key",
  "other-account",
  "no-secret-storage",
  "broken-secret-storage",
  "stale-identity",
  "missing-identity",
  "stale-backup",
  "missing-backup-key",
  "no-backup",
] as const satisfies readonly RecoveryRefusal[];

export const ENCRYPTION_REPORTS = {
  "encryption setup": of<EncryptionSetupReport>()(
    z.strictObject({
      ...outcomeShape,
      accountId: z.string().min(1),
      configPath,
      encryptionChanged: z.boolean(),
      bootstrap,
      status: encryption,
    }),
  ),
  "verify status": of<StatusReport>()(z.strictObject({ ...encryptionShape, recoveryKey: z.string().optional() })),
  "verify bootstrap": bootstrap,
  "verify device": of<DeviceReport>()(
    z.strictObject({
      ...outcomeShape,
      ...encryptionShape,
      recoveryKeyAccepted: z.boolean(),
      backupUsable: z.boolean(),
      deviceOwnerVerified: z.boolean(),
      verifiedAt: moment.optional(),
      refusals: z.array(z.enum(REFUSALS)),
    }),
  ),
  "verify backup status": backup,
  "verify backup restore": of<RestoreReport>()(
    z.strictObject({
      ...outcomeShape,
      backupVersion: z.string().nullable(),
      imported: z.int().min(0),
      total: z.int().min(0),
      loadedFromSecretStorage: z.boolean(),
      restoredAt: moment.optional(),
      backup,
    }),
  ),
  "verify backup reset": of<ResetReport>()(
    z.strictObject({
      ...outcomeShape,
      previousVersion: z.string().nullable(),
      deletedVersion: z.string().nullable(),
      createdVersion: z.string().nullable(),
      resetAt: moment.optional(),
      backup,
      recoveryKey: z.string().optional(),
    }),
  ),
} as const;
