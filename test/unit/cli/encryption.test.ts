import { describe, expect, it } from "vitest";
import { encryptionSetup } from "../../../ts/cli/encryption-setup.ts";
import { verifyBackupReset, verifyBackupRestore, verifyBackupStatus } from "../../../ts/cli/verify-backup.ts";
import { verifyBootstrap } from "../../../ts/cli/verify-bootstrap.ts";
import { verifyDevice } from "../../../ts/cli/verify-device.ts";
import { statusLines, verifyStatus } from "../../../ts/cli/verify.ts";
import type { BackupIssue, EncryptionStatus } from "../../../ts/native/encryption.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import { encryptionReport } from "../../../ts/operations/encryption-report.ts";
import { alone, file } from "../support/commands.ts";
import { FakeAccount } from "../support/fake-account.ts";
import { LOGIN } from "../support/running.ts";

const KEY = "EsTj 3yST y93F SLpB jJsz eAXc 2XzA ygD3 w69H fGaN TKBj jXEd";

const GREEN: Partial<EncryptionStatus> = {
  crossSigningVerified: true,
  verified: true,
  signedByOwner: true,
  privateKeysHere: true,
  recoveryKeyStored: true,
  backup: {
    serverVersion: "1",
    activeVersion: "1",
    trusted: true,
    matchesDecryptionKey: true,
    decryptionKeyCached: true,
    keyLoadAttempted: false,
    issue: "ok",
  },
  crossSigning: { masterKeyPublished: true, selfSigningKeyPublished: true, userSigningKeyPublished: true },
};

describe("encryption setup", () => {
  const fresh = () => {
    const account = new FakeAccount();
    account.encryption = GREEN;
    account.storedKey = KEY;
    account.bootstrapped = { identityCreated: true, deviceSigned: true, recoveryKeyCreated: true, backupCreated: true };
    return account;
  };

  it("[ENC-2] sets up, switches encryption on, and shows the new recovery key once", async () => {
    const { host, account, native } = alone(fresh(), { ...LOGIN, encryption: false });
    const memory = file({ ...LOGIN, encryption: false, name: "untouched" });
    const outcome = await encryptionSetup(host, {}, [], memory);
    expect(outcome.exitCode).toBe(0);
    expect(outcome.json).toMatchObject({ success: true, accountId: "default", configPath: "channels.matrix", encryptionChanged: true, status: { verified: true } });
    expect(memory.now()).toMatchObject({ encryption: true, name: "untouched" });
    expect(native.opened[0]).toMatchObject({ encryption: true });
    expect(account.setups).toEqual([{ bootstrap: { recoveryKey: undefined, forceResetCrossSigning: false } }]);
    const text = outcome.lines.join("\n");
    expect(text).toContain(KEY);
    expect(text).toContain("channels.matrix.encryption is true now");
  });

  it("[ENC-2] --json holds no key: scripts ask for it", async () => {
    const { host } = alone(fresh());
    const outcome = await encryptionSetup(host, { json: true }, [], file({ ...LOGIN, encryption: true }));
    expect(JSON.stringify(outcome)).not.toContain("EsTj");
    expect(outcome.json).toMatchObject({ encryptionChanged: false, bootstrap: { changed: { recoveryKeyCreated: true } } });
  });

  it("[ENC-2] is a no-op when complete", async () => {
    const account = new FakeAccount();
    account.encryption = GREEN;
    const memory = file({ ...LOGIN, encryption: true });
    const outcome = await encryptionSetup(alone(account).host, {}, [], memory);
    expect(outcome.lines).toContain("Nothing was missing.");
    expect(memory.now()).toEqual({ ...LOGIN, encryption: true });
  });

  it("[ENC-2] saves the switch even if the rest is not finished, and says what is left", async () => {
    const account = new FakeAccount();
    account.bootstrapped = new MatrixError("auth_failed", "the homeserver wants the account's password");
    const memory = file({ ...LOGIN, encryption: false });
    const outcome = await encryptionSetup(alone(account).host, {}, [], memory);
    expect(outcome).toMatchObject({ exitCode: 1, json: { success: false, code: "auth_failed", encryptionChanged: true } });
    expect(outcome.lines.join("\n")).toContain("Not finished: the homeserver wants the account's password");
    expect(memory.now()).toMatchObject({ encryption: true });
  });

  it("[AUT-11] leaves the switch off where it would keep the account from starting", async () => {
    const account = new FakeAccount();
    account.bootstrapped = new MatrixError("device_in_use", "another client encrypts with it");
    const memory = file({ ...LOGIN });
    const outcome = await encryptionSetup(alone(account).host, {}, [], memory);
    expect(outcome).toMatchObject({ exitCode: 1, json: { encryptionChanged: false } });
    expect(memory.now()).toEqual(LOGIN);
  });

  it("[ENC-2] a configuration that changed meanwhile is left as it is", async () => {
    const memory = file({ ...LOGIN }, (matrix) => void (matrix.deviceName = "another"));
    await expect(encryptionSetup(alone(fresh()).host, {}, [], memory)).rejects.toThrow(/changed while this ran.*channels\.matrix/);
    expect(memory.now()).toEqual({ ...LOGIN, deviceName: "another" });
  });

  it("[ENC-2] a named account's switch stands in its own entry", async () => {
    const login = { defaultAccount: "ops", accounts: { ops: LOGIN, alerts: LOGIN } };
    const memory = file(structuredClone(login));
    const outcome = await encryptionSetup(alone(fresh(), login).host, { account: "ops" }, [], memory);
    expect(outcome.json).toMatchObject({ configPath: "channels.matrix.accounts.ops" });
    expect(memory.now()).toMatchObject({ accounts: { ops: { encryption: true }, alerts: LOGIN } });
  });
});

describe("verify bootstrap", () => {
  it("[VER-2] asks the gateway with what was given, and prints what it did", async () => {
    const account = new FakeAccount();
    account.encryption = GREEN;
    account.bootstrapped = { identityReplaced: true, deviceSigned: true };
    const { host } = alone(account);
    const outcome = await verifyBootstrap(host, { recoveryKey: ` ${KEY} `, forceResetCrossSigning: true });
    expect(account.setups).toEqual([{ bootstrap: { recoveryKey: KEY, forceResetCrossSigning: true } }]);
    expect(outcome).toMatchObject({
      exitCode: 0,
      json: {
        success: true,
        crossSigning: { userId: "@bot:example.org", masterKeyPublished: true, published: true },
        cryptoBootstrap: { crossSigningReady: true, crossSigningPublished: true, ownDeviceVerified: true },
      },
    });
    expect(outcome.lines.join("\n")).toMatch(/other devices have to verify again[\s\S]*Device verified by owner: yes/);
  });

  it("[VER-2] a failure keeps its code and shows where things stand", async () => {
    const account = new FakeAccount();
    account.bootstrapped = new MatrixError("not_verified", "set up by another client");
    const outcome = await verifyBootstrap(alone(account).host, {});
    expect(outcome).toMatchObject({ exitCode: 1, json: { success: false, error: "set up by another client", code: "not_verified", cryptoBootstrap: null, verification: { verified: false } } });
  });

  it("[VER-2] refuses the key twice over", async () => {
    await expect(verifyBootstrap(alone().host, { recoveryKey: KEY, recoveryKeyStdin: true })).rejects.toThrow(/--recovery-key or --recovery-key-stdin/);
  });
});

describe("verify device", () => {
  it("[VER-3] reports three states, and exit 0 only when the device is verified", async () => {
    const account = new FakeAccount();
    account.encryption = GREEN;
    const good = await verifyDevice(alone(account).host, {}, [KEY]);
    expect(good).toMatchObject({ exitCode: 0, json: { success: true, recoveryKeyAccepted: true, backupUsable: true, deviceOwnerVerified: true, verified: true } });
    const other = new FakeAccount();
    other.recovered = { deviceOwnerVerified: false, refusals: ["stale-identity"], error: "a former identity" };
    const half = await verifyDevice(alone(other).host, {}, [KEY]);
    expect(half).toMatchObject({ exitCode: 1, json: { success: false, recoveryKeyAccepted: true, refusals: ["stale-identity"] } });
    expect(half.lines).toEqual(expect.arrayContaining(["Recovery key accepted: yes", "Backup usable: yes", "Device verified by owner: no", "Problem: a former identity"]));
  });

  it("[VER-3] asks for a key if there is none, and never repeats one", async () => {
    await expect(verifyDevice(alone().host, {}, [])).rejects.toThrow("--recovery-key-stdin");
    const account = new FakeAccount();
    account.recovered = { recoveryKeyAccepted: false, deviceOwnerVerified: false, refusals: ["other-account"], error: "another account's" };
    const outcome = await verifyDevice(alone(account).host, {}, [KEY]);
    expect(JSON.stringify(outcome)).not.toContain("EsTj");
  });
});

describe("verify backup", () => {
  it.each<[BackupIssue, RegExp]>([
    ["missing-server-backup", /verify bootstrap/],
    ["key-load-failed", /backup restore --recovery-key-stdin/],
    ["key-not-loaded", /backup restore/],
    ["key-mismatch", /backup reset --yes/],
    ["untrusted-signature", /verify device[\s\S]*verify self/],
    ["inactive", /verify device/],
    ["indeterminate", /verify status --verbose/],
  ])("[BKP-1] %s has its sentence and its fix", async (issue, fix) => {
    const account = new FakeAccount();
    account.encryption = { backup: { keyLoadAttempted: false, serverVersion: "4", issue } };
    const outcome = await verifyBackupStatus(alone(account).host, {});
    expect(outcome.json).toMatchObject({ serverVersion: "4", activeVersion: null, issue });
    const text = outcome.lines.join("\n");
    expect(text).toContain(`(${issue})`);
    expect(text).toMatch(/Next steps:/);
    expect(text).toMatch(fix);
  });

  it("[BKP-1] a backup in use has no issue", async () => {
    const account = new FakeAccount();
    account.encryption = GREEN;
    expect((await verifyBackupStatus(alone(account).host, {})).lines).toEqual(["Key backup: version 1, in use"]);
  });

  it("[BKP-2] restore says how many keys came", async () => {
    const account = new FakeAccount();
    account.encryption = GREEN;
    account.restored = { version: "1", imported: 12, total: 12, loadedFromSecretStorage: true };
    const outcome = await verifyBackupRestore(alone(account).host, { recoveryKey: KEY });
    expect(outcome).toMatchObject({ exitCode: 0, json: { success: true, backupVersion: "1", imported: 12, total: 12, loadedFromSecretStorage: true } });
    expect(outcome.lines[0]).toContain("12 of 12");
    const other = new FakeAccount();
    other.restored = new MatrixError("backup_unusable", "no key");
    expect(await verifyBackupRestore(alone(other).host, {})).toMatchObject({ exitCode: 1, json: { success: false, error: "no key", imported: 0 } });
  });

  it("[BKP-3] reset wants --yes, and shows a rotated key", async () => {
    const { host, account } = alone();
    await expect(verifyBackupReset(host, {})).rejects.toThrow("--yes");
    expect(account.setups).toEqual([]);
    account.storedKey = KEY;
    account.backupReset = { previousVersion: "1", deletedVersion: "1", createdVersion: "2", recoveryKeyCreated: true };
    const outcome = await verifyBackupReset(host, { yes: true, rotateRecoveryKey: true });
    expect(account.setups).toEqual([{ reset: true }]);
    expect(outcome).toMatchObject({ exitCode: 0, json: { success: true, previousVersion: "1", deletedVersion: "1", createdVersion: "2" } });
    expect(outcome.lines.join("\n")).toContain(KEY);
  });
});

describe("the recovery key in the status", () => {
  it("[BKP-4] is in --json when asked for, never in text", async () => {
    const account = () => {
      const one = new FakeAccount();
      one.encryption = GREEN;
      one.storedKey = KEY;
      return one;
    };
    expect((await verifyStatus(alone(account()).host, { includeRecoveryKey: true })).json).toMatchObject({ recoveryKey: KEY });
    expect((await verifyStatus(alone(account()).host, {})).json).not.toHaveProperty("recoveryKey");
    const text = (await verifyStatus(alone(account()).host, { includeRecoveryKey: true })).lines.join("\n");
    expect(text).not.toContain("EsTj");
    expect(text).toContain("--json");
  });

  it("[VER-1] an unverified device is told the command that helps in its case", async () => {
    const account = new FakeAccount();
    expect(statusLines(encryptionReport(await account.encryptionStatus()), false).join("\n")).toContain("encryption setup");
    account.encryption = { crossSigning: { masterKeyPublished: true, selfSigningKeyPublished: true, userSigningKeyPublished: true } };
    expect(statusLines(encryptionReport(await account.encryptionStatus()), false).join("\n")).toContain("verify device --recovery-key-stdin");
  });
});
