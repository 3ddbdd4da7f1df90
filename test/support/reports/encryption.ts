/**
 * What every command prints with `--json`, as schemas. The compiler keeps each of them equal to
 * the type the command's operation answers with: a key more or less, here or there, does not compile.
 */
import { z } from "zod";
import type { EncryptionSetupReport } from "../../ts/cli/encryption-setup.ts";
import type { BackupIssue, Bootstrapped, RecoveryRefusal } from "../../ts/native/encryption.ts";
import { MATRIX_ERROR_CODES } from "../../ts/native/errors.ts";
import type { BootstrapReport } from "../../ts/operations/bootstrap.ts";
import type { DeadLetterReport, ShownReport } from "../../ts/operations/dead-letters.ts";
import type { BackupReport, EncryptionReport } from "../../ts/operations/encryption-report.ts";
import type { Outcome } from "../../ts/operations/outcome.ts";
import type { UnsentReport } from "../../ts/operations/outbox.ts";
import type { Handled } from "../../ts/operations/queue-operation.ts";
import type { ResetReport, RestoreReport } from "../../ts/operations/verify-backup.ts";
import type { DeviceReport } from "../../ts/operations/verify-device.ts";
import type { StatusReport } from "../../ts/operations/verify-status.ts";

/** `true` if the two types have the same keys with the same values, in both directions. */
type Equal<A, B> = [A] extends [B] ? ([B] extends [A] ? ([keyof A] extends [keyof B] ? ([keyof B] extends [keyof A] ? true : false) : false) : false) : false;

/** A schema of exactly this type. */
const of =
  <T>() =>
  <S extends z.ZodType>(schema: S & (Equal<z.infer<S>, T> extends true ? unknown : never)): z.ZodType<T> =>
    schema as unknown as z.ZodType<T>;

/** A schema's own shape, for the reports that hold more. */
const shape = <S extends z.ZodRawShape>(fields: S): S => fields;

const moment = z.iso.datetime();
const userId = z.string().regex(/^@\S+:\S+$/);

const outcomeShape = shape({ success: z.boolean(), error: z.string().min(1).optional(), code: z.enum(MATRIX_ERROR_CODES).optional() });
of<Outcome>()(z.strictObject(outcomeShape));

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

const letterShape = shape({
  id: z.int().min(1),
  roomId: z.string().nullable(),
  eventId: z.string().nullable(),
  sender: z.string().nullable(),
  sentAt: moment.nullable(),
  failedAt: moment.nullable(),
  cause: z.string().min(1),
  failures: z.int().min(0),
  crashes: z.int().min(0),
});

const handled = of<Handled>()(z.strictObject({ done: z.array(z.int()), unknown: z.array(z.int()) }));

const messages = z.strictObject({
  messages: z.array(
    of<UnsentReport>()(
      z.strictObject({
        id: z.int().min(1),
        roomId: z.string().nullable(),
        state: z.enum(["queued", "waiting", "failed"]),
        waitingUntil: moment.nullable(),
        createdAt: moment.nullable(),
        expiresAt: moment.nullable(),
        parts: z.int().min(0),
        sent: z.int().min(0),
        attempts: z.int().min(0),
        error: z.string().nullable(),
        inDoubt: z.boolean(),
      }),
    ),
  ),
});

/** By the command's words, without its arguments. */
export const REPORTS = {
  "encryption setup": of<EncryptionSetupReport>()(
    z.strictObject({
      ...outcomeShape,
      accountId: z.string().min(1),
      configPath: z.string().startsWith("channels.matrix"),
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
  "dead-letters list": z.strictObject({ deadLetters: z.array(of<DeadLetterReport>()(z.strictObject(letterShape))) }),
  "dead-letters show": of<ShownReport>()(z.strictObject({ ...letterShape, text: z.string().nullable() })),
  "dead-letters resubmit": handled,
  "dead-letters drop": handled,
  "outbox list": messages,
  "outbox retry": handled,
  "outbox drop": handled,
} as const;

/** An error of a command, in the form that each of them has. */
export const REFUSED = z.strictObject({ success: z.literal(false).optional(), error: z.string().min(1) });

/**
 * What a command printed, checked against its schema.
 *
 * @throws Error naming the command and what does not fit
 */
export function reportOf<C extends keyof typeof REPORTS>(command: C, printed: unknown): z.infer<(typeof REPORTS)[C]> {
  // As it leaves the process: keys without a value are not there.
  const checked = REPORTS[command].safeParse(JSON.parse(JSON.stringify(printed)));
  if (!checked.success) throw new Error(`\`${command}\` printed what its schema does not allow: ${z.prettifyError(checked.error)}\n${JSON.stringify(printed, null, 1)}`);
  return checked.data as z.infer<(typeof REPORTS)[C]>;
}
