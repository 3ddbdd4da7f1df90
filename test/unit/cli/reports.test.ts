import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { encryptionSetup } from "../../../ts/cli/encryption-setup.ts";
import { COMMANDS } from "../../../ts/cli/commands.ts";
import * as deadLetters from "../../../ts/cli/dead-letters.ts";
import * as outbox from "../../../ts/cli/outbox.ts";
import { finish, type CommandHost, type CommandOutcome } from "../../../ts/cli/run.ts";
import { verifyBackupReset, verifyBackupRestore, verifyBackupStatus } from "../../../ts/cli/verify-backup.ts";
import { verifyBootstrap } from "../../../ts/cli/verify-bootstrap.ts";
import { verifyDevice } from "../../../ts/cli/verify-device.ts";
import { verifyStatus } from "../../../ts/cli/verify.ts";
import type { OpenClawConfig } from "../../../ts/host/types.ts";
import type { EncryptionStatus } from "../../../ts/native/encryption.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import { ENCRYPTION_REPORTS, QUEUE_REPORTS, REFUSED, REPORTS, reportOf } from "../../support/reports/index.ts";
import { FakeAccount } from "../support/fake-account.ts";
import { FakeQueues } from "../support/fake-queues.ts";
import { FakeNative, LOGIN } from "../support/running.ts";

const KEY = "EsTj 3yST y93F SLpB jJsz eAXc 2XzA ygD3 w69H fGaN TKBj jXEd";
const AT = Date.parse("2026-01-02T03:04:05Z");

const GREEN: Partial<EncryptionStatus> = {
  verified: true,
  crossSigningVerified: true,
  signedByOwner: true,
  privateKeysHere: true,
  recoveryKeyStored: true,
  recoveryKeyCreatedAt: AT,
  recoveryKeyId: "abc",
  backupVersion: "3",
  backup: { serverVersion: "3", activeVersion: "3", trusted: true, matchesDecryptionKey: true, decryptionKeyCached: true, keyLoadAttempted: false, issue: "ok" },
  crossSigning: { masterKeyPublished: true, selfSigningKeyPublished: true, userSigningKeyPublished: true },
};

const MISMATCH: Partial<EncryptionStatus> = {
  ...GREEN,
  backup: { serverVersion: "4", trusted: false, matchesDecryptionKey: false, decryptionKeyCached: true, keyLoadAttempted: true, keyLoadError: "secret storage holds the key of another backup", issue: "key-mismatch" },
};

/** An account, and a host without a gateway. */
function account(change: (account: FakeAccount) => void = () => undefined): CommandHost {
  const native = new FakeNative(() => {
    const one = new FakeAccount();
    change(one);
    return one;
  });
  native.queues = () => {
    const queues = new FakeQueues();
    queues.letters = [{ id: 3, roomId: "!r:hs", eventId: "$e", sender: "@alice:hs", originServerTs: AT, failedAt: AT, cause: "model: 500", failures: 3, crashes: 0, text: "words" }];
    queues.messages = [{ id: 1, roomId: "!r:hs", failed: true, createdAt: AT, inDoubt: false, parts: 3, sent: 1, attempts: 4, error: "refused" }];
    return queues;
  };
  return {
    cfg: { channels: { matrix: LOGIN } },
    native: () => native,
    stateRoot: "/nonexistent",
    call: async () => {
      throw Object.assign(new Error("gateway closed"), { name: "GatewayTransportError", kind: "closed", connectionDetails: {} });
    },
  };
}

const green = account((one) => void (one.encryption = GREEN));

const file = () => {
  let cfg = { channels: { matrix: { ...LOGIN } } } as unknown as OpenClawConfig;
  return { read: async () => cfg, edit: async (edit: (now: OpenClawConfig) => OpenClawConfig) => ((cfg = edit(cfg)), "/home/openclaw.json") };
};

const made = account((one) => {
  one.encryption = GREEN;
  one.storedKey = KEY;
  one.bootstrapped = { identityCreated: true, deviceSigned: true, recoveryKeyCreated: true, backupCreated: true };
  one.backupReset = { previousVersion: "3", deletedVersion: "3", createdVersion: "4", recoveryKeyCreated: true };
  one.restored = { version: "3", imported: 12, total: 12, loadedFromSecretStorage: true };
});

const refused = account((one) => {
  one.encryption = MISMATCH;
  one.bootstrapped = new MatrixError("backup_unusable", "secret storage holds the key of a former room-key backup");
  one.backupReset = new MatrixError("not_verified", "a new recovery key would lock keys away");
  one.restored = new MatrixError("recovery_key_invalid", "this recovery key has been replaced");
  one.recovered = { recoveryKeyAccepted: false, backupUsable: false, deviceOwnerVerified: false, refusals: ["former-key"], error: "this recovery key has been replaced" };
});

/** A command's words, what is asked of it, and how. */
const ASKED: readonly [command: keyof typeof REPORTS, what: string, run: () => Promise<CommandOutcome>][] = [
  ["verify status", "of a fresh account", () => verifyStatus(account(), {})],
  ["verify status", "of one that is set up", () => verifyStatus(green, {})],
  ["verify status", "in every detail", () => verifyStatus(account((one) => void (one.encryption = MISMATCH)), { verbose: true })],
  ["verify status", "with the recovery key", () => verifyStatus(made, { includeRecoveryKey: true })],
  ["verify status", "of a device that was deleted", () => verifyStatus(account((one) => void (one.encryption = { ...GREEN, serverDeviceKnown: false })), {})],
  ["verify status", "without encryption", () => verifyStatus(account((one) => void (one.encryption = { encryptionEnabled: false })), {})],
  ["encryption setup", "of a fresh account", () => encryptionSetup(made, {}, [], file())],
  ["encryption setup", "with nothing to do", () => encryptionSetup(green, {}, [], file())],
  ["encryption setup", "that is not finished", () => encryptionSetup(refused, {}, [], file())],
  ["verify bootstrap", "of a fresh account", () => verifyBootstrap(made, {})],
  ["verify bootstrap", "for a script", () => verifyBootstrap(made, { json: true })],
  ["verify bootstrap", "that is not finished", () => verifyBootstrap(refused, {})],
  ["verify device", "with the right key", () => verifyDevice(green, {}, [KEY])],
  ["verify device", "with a former key", () => verifyDevice(refused, {}, [KEY])],
  ["verify backup status", "of one in use", () => verifyBackupStatus(green, {})],
  ["verify backup status", "of one whose key is elsewhere", () => verifyBackupStatus(refused, { verbose: true })],
  ["verify backup restore", "of everything", () => verifyBackupRestore(made, {})],
  ["verify backup restore", "that is refused", () => verifyBackupRestore(refused, {})],
  ["verify backup reset", "with a new recovery key", () => verifyBackupReset(made, { yes: true, rotateRecoveryKey: true })],
  ["verify backup reset", "that is refused", () => verifyBackupReset(refused, { yes: true })],
  ["dead-letters list", "of one", () => deadLetters.list(account(), {})],
  ["dead-letters show", "of one", () => deadLetters.show(account(), {}, ["3"])],
  ["dead-letters resubmit", "of all", () => deadLetters.resubmit(account(), { all: true }, [])],
  ["dead-letters drop", "of one that is none", () => deadLetters.drop(account(), {}, ["7"])],
  ["outbox list", "of one", () => outbox.list(account(), {})],
  ["outbox retry", "of all", () => outbox.retry(account(), { all: true }, [])],
  ["outbox drop", "of one", () => outbox.drop(account(), {}, ["1"])],
];

describe("what the commands print", () => {
  beforeAll(() => void vi.useFakeTimers({ toFake: ["Date"], now: AT + 3_600_000 }));
  afterAll(() => void vi.useRealTimers());

  it.each(ASKED)("[VER-1] `%s` %s fits its schema, and its text is as it was read through", async (command, _what, run) => {
    const outcome = await run();
    reportOf(command, outcome.json);
    expect(`${outcome.lines.join("\n")}\nexit ${outcome.exitCode}`).toMatchSnapshot();
  });

  it("[VER-1] every command has its schema, but for the ones that have none", () => {
    const words = COMMANDS.map((command) => command.words.replace(/ [<[].*$/, ""));
    // `verify self` talks with a person and has no --json; the others' documents are checked where they are made.
    const others = ["verify self", "explain", "migrate", ...words.filter((word) => /^(?:invites|rooms) /.test(word))];
    expect(Object.keys(REPORTS).sort()).toEqual(words.filter((word) => !others.includes(word)).sort());
  });

  it("[VER-1] each of them is shown here", () => {
    expect(new Set(ASKED.map(([command]) => command))).toEqual(new Set(Object.keys({ ...ENCRYPTION_REPORTS, ...QUEUE_REPORTS })));
  });

  it.each([
    ["error", { error: "why" }],
    ["success", { success: false, error: "why" }],
  ] as const)("[VER-1] an error with --json fits as well (%s)", async (failure, expected) => {
    let text = "";
    await finish(true, async () => Promise.reject(new Error("why")), { write: async (part) => void (text += part), writeError: async () => undefined, exit: () => undefined }, failure);
    expect(REFUSED.parse(JSON.parse(text))).toEqual(expected);
  });
});
