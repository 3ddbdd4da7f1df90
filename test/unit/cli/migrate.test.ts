import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeRecoveryKey } from "matrix-js-sdk/lib/crypto-api/recovery-key.js";
import { afterEach, describe, expect, it } from "vitest";
import { migrate, type MigrateReport } from "../../../ts/cli/migrate.ts";
import { encodeRecoveryKey } from "../../../ts/cli/recovery-key-text.ts";
import type { CommandHost } from "../../../ts/cli/run.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import { leaveOfficialState } from "../../support/official-state.ts";
import { FakeAccount } from "../support/fake-account.ts";
import { FakeNative } from "../support/running.ts";

const KEY = "EsTj 3yST y93F SLpB jJsz eAXc 2XzA ygD3 w69H fGaN TKBj jXEd";
/** The same one as bytes, as another maker's client reads it. */
const KEY_BYTES = Buffer.from(decodeRecoveryKey(KEY)).toString("base64");

const USER = "@bot:example.org";
const LOGIN = { homeserver: "https://matrix.example.org", userId: USER, password: "p" };
const FORMER = { accountId: "default", userId: USER, deviceId: "FORMER", homeserver: "https://matrix.example.org", accessToken: "syt_former" };

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function stateRoot(): string {
  const folder = mkdtempSync(join(tmpdir(), "openclaw-matrix-migrate-"));
  folders.push(folder);
  return folder;
}

/** A host without a gateway. Its account has a backup; every opening is another object, `setUp` first. */
function alone(root: string, login: Record<string, unknown> = { ...LOGIN, encryption: true }, setUp?: (account: FakeAccount) => void) {
  const opened: FakeAccount[] = [];
  const native = new FakeNative(() => {
    const account = new FakeAccount();
    account.encryption = { crossSigningVerified: true, backup: { serverVersion: "1", keyLoadAttempted: false, issue: "ok" } };
    account.bootstrapped = { deviceSigned: true };
    account.restored = { imported: 7, total: 7 };
    setUp?.(account);
    opened.push(account);
    return account;
  });
  const call = async () => {
    throw Object.assign(new Error("gateway closed"), { name: "GatewayTransportError", kind: "closed", connectionDetails: {} });
  };
  const host: CommandHost = { cfg: { channels: { matrix: login } }, native: () => native, stateRoot: root, call };
  return { host, setups: () => opened.flatMap((account) => account.setups) };
}

describe("matrix migrate", () => {
  it("[MIG-3] verifies a device of our own with the kept recovery key and fetches the room keys", async () => {
    const root = stateRoot();
    const folder = leaveOfficialState(root, { ...FORMER, recoveryKey: KEY, recoveryKeyBytes: KEY_BYTES, bindings: 2 });
    const { host, setups } = alone(root);
    const { json, lines, exitCode } = await migrate(host, {});
    expect(exitCode).toBe(0);
    expect(setups()).toEqual([{ bootstrap: { recoveryKey: KEY, forceResetCrossSigning: false } }, { restore: KEY }]);
    expect(json).toMatchObject({ success: true, accountId: "default", former: { folder, userId: USER, deviceId: "FORMER", recoveryKeyStored: true, bindings: 2 }, restored: { imported: 7, total: 7 } });
    const text = lines.join("\n");
    expect(text).toContain("Device verified by owner: yes");
    expect(text).toContain("Room keys out of the backup: 7 of 7");
    expect(text).toContain("2 conversations that were bound");
    expect(text).toContain("device FORMER is still logged in");
    expect(text + JSON.stringify(json)).not.toContain("EsTj");
  });

  it("[MIG-3] a key that was kept as bytes alone opens the same", async () => {
    const root = stateRoot();
    leaveOfficialState(root, { ...FORMER, recoveryKeyBytes: KEY_BYTES });
    const { host, setups } = alone(root);
    await migrate(host, {});
    expect(setups()[0]).toEqual({ bootstrap: { recoveryKey: KEY, forceResetCrossSigning: false } });
    expect(encodeRecoveryKey(Buffer.from(KEY_BYTES, "base64"))).toBe(KEY);
  });

  it("[MIG-2][MIG-3] reads the files of older versions", async () => {
    const root = stateRoot();
    const folder = leaveOfficialState(root, FORMER);
    for (const database of [root, folder]) rmSync(join(database, "state"), { recursive: true });
    mkdirSync(join(root, "credentials", "matrix"), { recursive: true });
    writeFileSync(join(root, "credentials", "matrix", "credentials.json"), JSON.stringify({ userId: USER, homeserver: FORMER.homeserver, deviceId: "OLDER" }));
    writeFileSync(join(folder, "thread-bindings.json"), JSON.stringify({ version: 1, bindings: [{}, {}] }));
    writeFileSync(join(folder, "recovery-key.json"), JSON.stringify({ version: 1, privateKeyBase64: KEY_BYTES }));
    writeFileSync(join(folder, "storage-meta.json"), JSON.stringify({ userId: USER }));
    const { host } = alone(root);
    expect((await migrate(host, {})).json).toMatchObject({ former: { homeserver: FORMER.homeserver, deviceId: "OLDER", recoveryKeyStored: true, bindings: 2 } });
  });

  it("[MIG-3] refuses the official plugin's own login, because two programs cannot share a device", async () => {
    const root = stateRoot();
    leaveOfficialState(root, FORMER);
    const { host, setups } = alone(root, { homeserver: FORMER.homeserver, accessToken: FORMER.accessToken, encryption: true });
    await expect(migrate(host, {})).rejects.toThrow(/belongs to the device FORMER.*userId and password/);
    expect(setups()).toEqual([]);
  });

  it("[MIG-3] leaves another user's state alone, and says where it looked", async () => {
    const root = stateRoot();
    leaveOfficialState(root, { ...FORMER, userId: "@another:example.org" });
    const { host } = alone(root);
    await expect(migrate(host, {})).rejects.toThrow(`nothing of ${USER} for the account "default" below ${root}`);
  });

  it("[MIG-3] without a kept key says how to give it", async () => {
    const root = stateRoot();
    leaveOfficialState(root, FORMER);
    const refusal = new MatrixError("config_invalid", "another client has set the account up");
    const { host } = alone(root, { ...LOGIN, encryption: true }, (account) => void (account.bootstrapped = refusal));
    const { lines, exitCode, json } = await migrate(host, {});
    expect(exitCode).toBe(1);
    expect((json as MigrateReport).restored).toBeNull();
    expect(lines.join("\n")).toMatch(/another client has set the account up[^]*--recovery-key-stdin/);
  });

  it("[MIG-3] with encryption off there is nothing but the configuration", async () => {
    const root = stateRoot();
    leaveOfficialState(root, FORMER);
    const { host, setups } = alone(root, { ...LOGIN, encryption: false });
    const { lines, exitCode } = await migrate(host, {});
    expect(exitCode).toBe(0);
    expect(setups()).toEqual([]);
    expect(lines.join("\n")).toContain("the configuration is all there is");
  });
});
