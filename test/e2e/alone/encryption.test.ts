import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { request } from "../../homeserver/users.ts";
import { FaultProxy } from "../../support/fault-proxy/index.ts";
import type { JsSdkHuman } from "../../support/humans/index.ts";
import { until } from "../../support/process.ts";
import { EncryptionScenario } from "../encryption-scenario.ts";
import { type Bot, question } from "../scenario.ts";

describe("encryption set up, the backup, and another client of the same account", () => {
  const scenario = new EncryptionScenario();
  const { rig } = scenario;
  let stranger: JsSdkHuman;
  let strangersKey: string;
  beforeAll(async () => {
    stranger = await scenario.element("stranger");
    strangersKey = await stranger.encryption.setUp();
  });
  afterAll(() => scenario.end());

  const dataPath = (of: Bot, type: string) => `v3/user/${encodeURIComponent(of.userId)}/account_data/${type}`;

  it("[ENC-2][ENC-3][BKP-4][VER-1] a fresh account: one command sets it up and switches it on, shows the key once, and the key opens it in matrix-js-sdk", { timeout: 400_000 }, async () => {
    const fresh = await scenario.bot("fresh", { encryption: false });
    const before = await scenario.report(fresh, "verify status");
    expect(before).toMatchObject({ encryptionEnabled: false, verified: false, signedByOwner: false, recoveryKeyStored: false, backup: { issue: "missing-server-backup" } });
    const { get, credentials } = await scenario.onHomeserver(fresh);
    expect(await get("v3/room_keys/version")).toBeUndefined();

    const log = (await rig.gateway.log()).length;
    const setUp = await scenario.run(fresh, "encryption setup", { real: true });
    expect(setUp, setUp.stderr).toMatchObject({ code: 0 });
    const key = /^Recovery key: (.+)$/m.exec(setUp.text)?.[1] ?? "";
    expect(key).toMatch(/^(\w{4} ){11}\w{4}$/);
    expect(rig.home.readConfig()).toHaveProperty(["channels", "matrix", "accounts", fresh.accountId, "encryption"], true);
    await rig.gateway.waitForLog(new RegExp(`hot reload applied.*accounts\\.${fresh.accountId}[^]*\\[${fresh.accountId}\\] @\\S+ on `), { after: log });
    await scenario.running(fresh);

    // The homeserver has all of it, under the key that was shown.
    const status = await scenario.json(fresh, "verify status", { flags: ["--include-recovery-key"] });
    expect(status).toMatchObject({ code: 0, report: { verified: true, signedByOwner: true, recoveryKeyStored: true, recoveryKey: key, serverDeviceKnown: true, backup: { issue: "ok", trusted: true } } });
    const keyId = status.report.recoveryKeyId as string;
    expect(await get(dataPath(fresh, "m.secret_storage.default_key"))).toEqual({ key: keyId });
    expect(await get(dataPath(fresh, `m.secret_storage.key.${keyId}`))).toMatchObject({ algorithm: "m.secret_storage.v1.aes-hmac-sha2" });
    for (const secret of ["m.cross_signing.master", "m.cross_signing.self_signing", "m.cross_signing.user_signing", "m.megolm_backup.v1"]) {
      expect(await get(dataPath(fresh, secret)), secret).toHaveProperty(["encrypted", keyId]);
    }
    expect(await get("v3/room_keys/version")).toMatchObject({ version: status.report.backup.serverVersion });
    const keys = await request<{ self_signing_keys: Record<string, { keys: Record<string, string> }>; device_keys: Record<string, Record<string, { signatures: Record<string, object> }>> }>(
      credentials.homeserver,
      "POST",
      "v3/keys/query",
      { token: credentials.accessToken, body: { device_keys: { [fresh.userId]: [] } } },
    );
    const [signer] = Object.keys(keys.self_signing_keys[fresh.userId]?.keys ?? {});
    expect(keys.device_keys[fresh.userId]?.[status.report.deviceId]?.signatures[fresh.userId]).toHaveProperty([signer as string]);

    // Once more: nothing to do, nothing shown.
    const again = await scenario.json(fresh, "encryption setup");
    expect(again).toMatchObject({ code: 0, report: { success: true, encryptionChanged: false, configPath: `channels.matrix.accounts.${fresh.accountId}` } });
    expect(Object.values(again.report.bootstrap.changed ?? {})).toEqual([false, false, false, false, false]);
    expect(JSON.stringify(again.report)).not.toContain(key);
    expect((await scenario.report(fresh, "verify status")).recoveryKeyId).toBe(keyId);

    // Most end-to-end tests have the plugin's command line in a process that lives on: it prints and ends as the host's.
    for (const [words, flags] of [
      ["verify status", ["--verbose"]],
      ["verify backup reset", ["--json"]],
    ] as const) {
      expect(await scenario.run(fresh, words, { flags: [...flags] }), words).toEqual(await scenario.run(fresh, words, { flags: [...flags], real: true }));
    }

    const owner = await scenario.element(fresh);
    await expect(owner.encryption.open(strangersKey)).rejects.toThrow();
    expect(await owner.encryption.verified()).toBe(false);
    await owner.encryption.open(key);
    expect(await owner.encryption.verified()).toBe(true);
    expect(await owner.encryption.verified(status.report.deviceId), "the bot's device, seen from matrix-js-sdk").toBe(true);
    expect(await owner.encryption.backupVersion()).toBe(status.report.backup.serverVersion);
    expect(await rig.gateway.log(), "the gateway's log").not.toContain(key);
  });

  it("[VER-3][VER-2][BKP-2] an account that matrix-js-sdk has set up: wrong keys are told apart, the right one verifies, and old rooms are read out of its backup", { timeout: 400_000 }, async () => {
    const reserved = await scenario.reserve("taken");
    const owner = await scenario.element(reserved);
    const key = await owner.encryption.setUp();
    const person = await scenario.person("matrix-nio");
    const room = await person.createDm(reserved.userId, { encrypted: true });
    await owner.join(room);
    await person.waitForMember(room, reserved.userId);
    const old = "What was said before the plugin came: the bicycle is green.";
    const oldId = await person.send(room, old);
    await owner.waitForMessage(person.userId, "bicycle");
    const { get } = await scenario.onHomeserver(reserved);
    await until("the backup to have the key", 60_000, async () => ((await get<{ count: number }>("v3/room_keys/version"))?.count ?? 0) > 0);

    scenario.configure(reserved.accountId, scenario.settings({ userId: reserved.userId, password: reserved.password }));
    await scenario.running(reserved);
    expect(await scenario.report(reserved, "verify status")).toMatchObject({ verified: false, recoveryKeyStored: false, backup: { issue: "key-not-loaded" } });
    // Without its key nothing is replaced.
    const refused = await scenario.json(reserved, "encryption setup");
    expect(refused).toMatchObject({ code: 1, report: { success: false, code: "not_verified", encryptionChanged: false } });
    expect(refused.report.error).toContain("--recovery-key-stdin");
    const mistyped = `${key.slice(0, -1)}${key.endsWith("a") ? "b" : "a"}`;
    for (const [wrong, refusal] of [
      [mistyped, "malformed-key"],
      [strangersKey, "other-account"],
    ] as const) {
      const answer = await scenario.report(reserved, "verify device", { key: wrong });
      expect(answer).toMatchObject({ success: false, recoveryKeyAccepted: false, deviceOwnerVerified: false, refusals: [refusal] });
      expect(JSON.stringify(answer)).not.toContain(wrong);
    }
    const wrong = await scenario.json(reserved, "verify device", { input: strangersKey, flags: ["--recovery-key-stdin"] });
    expect(wrong).toMatchObject({ code: 1, report: { refusals: ["other-account"] } });
    expect(wrong.report.error).toContain("another account's");

    const right = await scenario.json(reserved, "verify device", { input: `${key}\n`, flags: ["--recovery-key-stdin"] });
    expect(right).toMatchObject({ code: 0, report: { success: true, recoveryKeyAccepted: true, backupUsable: true, deviceOwnerVerified: true, verified: true, refusals: [], backup: { issue: "ok" } } });
    expect(await owner.encryption.verified(right.report.deviceId), "the bot's device, seen from matrix-js-sdk").toBe(true);

    // The agent is shown what is replied to, though its key is in the backup alone.
    const asked = question("What does this mean?");
    await person.reply(room, asked.text, oldId);
    await scenario.answer(person, reserved, asked);
    expect(JSON.stringify((await rig.model.prompts(asked.marker))[0]?.messages)).toContain("the bicycle is green");
    const restored = await scenario.report(reserved, "verify backup restore");
    expect(restored).toMatchObject({ success: true, loadedFromSecretStorage: false, backupVersion: await owner.encryption.backupVersion() });
    expect(restored.imported).toBe(restored.total);
    expect(restored.total).toBeGreaterThan(0);

    // The owner makes a new recovery key: the former one is known as that, and the kept one is not the storage's any more.
    const rotated = await owner.encryption.rotateRecoveryKey();
    const former = await scenario.report(reserved, "verify device", { key });
    expect(former).toMatchObject({ success: true, recoveryKeyAccepted: false, refusals: ["former-key"], recoveryKeyStored: false });
    expect(former.error).toContain("replaced");
    expect(await scenario.report(reserved, "verify bootstrap", { recoveryKey: rotated })).toMatchObject({ success: true, verification: { recoveryKeyStored: true } });
  });

  it("[ENC-3][ENC-7][VER-2] a homeserver with OAuth: the link is shown and waited for, and the new identity is made once the owner has approved; a secret storage that was broken is made anew", async () => {
    const proxy = await FaultProxy.start(rig.homeserver.baseUrl);
    try {
      const reset = await scenario.bot("approved", { homeserver: proxy.url });
      await scenario.report(reset, "verify bootstrap");
      const { credentials } = await scenario.onHomeserver(reset);
      const identity = async () =>
        (await request<{ master_keys: Record<string, object> }>(credentials.homeserver, "POST", "v3/keys/query", { token: credentials.accessToken, body: { device_keys: { [reset.userId]: [] } } })).master_keys[reset.userId];
      const before = await identity();
      const link = "https://account.example.org/?action=org.matrix.cross_signing_reset";
      const body = JSON.stringify({ session: "s", flows: [{ stages: ["m.oauth"] }], params: { "m.oauth": { url: link } } });
      const wanted = proxy.spoil({ method: "POST", path: /^keys\/device_signing\/upload$/, userId: reset.userId, fault: { kind: "answer", status: 401, body } });
      const flags = ["--force-reset-cross-signing"];
      const script = await scenario.json(reset, "verify bootstrap", { flags });
      expect(script).toMatchObject({ code: 1, report: { success: false, code: "approval_required", verification: { verified: true } } });
      expect(script.report.error).toContain(link);
      expect(await identity()).toEqual(before);
      const asked = wanted.hits;
      const person = scenario.run(reset, "verify bootstrap", { flags });
      await until("the command to try again", 60_000, () => wanted.hits >= asked + 2);
      expect(await identity()).toEqual(before);
      wanted.lift();
      const done = await person;
      expect(done, done.stderr).toMatchObject({ code: 0 });
      expect(done.text).toMatch(/Approval needed: [^\n]*action=org\.matrix\.cross_signing_reset[^]*Made a new cross-signing identity/);
      expect(await identity()).not.toEqual(before);
      expect(await scenario.report(reset, "verify status")).toMatchObject({ verified: true, recoveryKeyStored: true, backup: { issue: "ok" } });

      // Its default key is one that nobody ever described.
      const now = await identity();
      await request(credentials.homeserver, "PUT", dataPath(reset, "m.secret_storage.default_key"), { token: credentials.accessToken, body: { key: "gone" } });
      expect(await scenario.report(reset, "verify status")).toMatchObject({ verified: true, recoveryKeyStored: false, recoveryKeyId: "gone" });
      const repaired = await scenario.report(reset, "verify bootstrap");
      expect(repaired).toMatchObject({ success: true, changed: { recoveryKeyCreated: true, identityCreated: false, identityReplaced: false, backupCreated: false } });
      expect(repaired.verification).toMatchObject({ verified: true, recoveryKeyStored: true, backup: { issue: "ok" } });
      expect(await identity()).toEqual(now);
    } finally {
      await proxy.stop();
    }
  });

  it("[BKP-1][BKP-2][BKP-3][ENC-8][VER-10] the backup: every state has its code and its way out, new keys go up, and a rotated key opens nothing", { timeout: 600_000 }, async () => {
    const kept = await scenario.bot("kept");
    expect(await scenario.report(kept, "verify backup status")).toMatchObject({ issue: "missing-server-backup", serverVersion: null });
    const none = await scenario.report(kept, "verify backup restore");
    expect(none).toMatchObject({ success: false, code: "backup_unusable", imported: 0 });
    expect(none.error).toContain("openclaw matrix verify bootstrap");
    // A person gets the new key by asking for it.
    const made = await scenario.report(kept, "verify bootstrap", { showNewRecoveryKey: true });
    expect(made).toMatchObject({ success: true, changed: { identityCreated: true, deviceSigned: true, recoveryKeyCreated: true, backupCreated: true } });
    const key = made.recoveryKey as string;
    const { get, credentials } = await scenario.onHomeserver(kept);
    const count = async (): Promise<number> => (await get<{ count: number }>("v3/room_keys/version"))?.count ?? 0;

    const person = await scenario.person("matrix-nio");
    const room = await scenario.openDm(person, kept, { encrypted: true });
    await scenario.ask(person, room, kept);
    // The person's key and the account's own.
    await until("two keys in the backup", 60_000, async () => (await count()) >= 2);

    // Another client begins a new backup and puts its key into secret storage.
    const owner = await scenario.element(kept);
    await owner.encryption.open(key);
    await owner.encryption.newBackup();
    const mismatch = await scenario.report(kept, "verify backup status");
    expect(mismatch).toMatchObject({ issue: "key-mismatch", matchesDecryptionKey: false, keyLoadAttempted: true, keyLoadError: null });
    const text = await scenario.run(kept, "verify backup status");
    expect(text.text).toMatch(/Backup issue: .*\(key-mismatch\)[^]*Next steps:[^]*openclaw matrix verify backup restore/);
    const restored = await scenario.report(kept, "verify backup restore");
    expect(restored).toMatchObject({ success: true, loadedFromSecretStorage: true, backup: { issue: "ok" } });

    // Deleted on the homeserver: a new one under the same recovery key.
    await request(credentials.homeserver, "DELETE", `v3/room_keys/version/${restored.backupVersion}`, { token: credentials.accessToken });
    expect(await scenario.report(kept, "verify backup status")).toMatchObject({ issue: "missing-server-backup" });
    expect(await scenario.report(kept, "verify bootstrap")).toMatchObject({ success: true, changed: { recoveryKeyCreated: false, backupCreated: true }, verification: { backup: { issue: "ok" } } });
    const earlier = await scenario.report(kept, "verify backup status");

    const unsure = await scenario.run(kept, "verify backup reset", { flags: ["--json"] });
    expect(unsure.code).toBe(1);
    expect(JSON.parse(unsure.text)).toEqual({ success: false, error: expect.stringContaining("--yes") });
    expect((await scenario.report(kept, "verify backup status")).serverVersion).toBe(earlier.serverVersion);
    const reset = await scenario.json(kept, "verify backup reset", { flags: ["--yes", "--rotate-recovery-key"] });
    expect(reset).toMatchObject({ code: 0, report: { success: true, previousVersion: earlier.serverVersion, deletedVersion: earlier.serverVersion, backup: { issue: "ok" } } });
    expect(reset.report.createdVersion).not.toBe(earlier.serverVersion);
    const { recoveryKey: newKey } = await scenario.report(kept, "verify status", { includeRecoveryKey: true });
    expect(newKey).not.toBe(key);
    expect(await scenario.report(kept, "verify device", { key })).toMatchObject({ recoveryKeyAccepted: false, refusals: ["former-key"] });
    const another = await scenario.element(kept);
    await expect(another.encryption.open(key)).rejects.toThrow();
    await another.encryption.open(newKey as string);
    expect(await another.encryption.backupVersion()).toBe(reset.report.createdVersion);

    // Over a restart it is the one in use, and what is said next goes into it.
    await rig.gateway.stop();
    await rig.gateway.start();
    await scenario.running(kept);
    expect(await scenario.report(kept, "verify backup status")).toMatchObject({ issue: "ok", activeVersion: reset.report.createdVersion });
    const had = await count();
    const next = await scenario.person("matrix-js-sdk");
    await scenario.ask(next, await scenario.openDm(next, kept, { encrypted: true }), kept);
    await until("the backup to grow", 60_000, async () => (await count()) > had);

    // The same by the host's own command for methods.
    const called = await rig.home.run(["gateway", "call", "matrix.verify.backup.status", "--params", JSON.stringify({ accountId: kept.accountId }), "--json"]);
    expect(called).toContain('"issue": "ok"');
    await expect(scenario.call("matrix.verify.recoveryKey", { accountId: kept.accountId })).rejects.toThrow(/`key` is missing/);
    await expect(scenario.call("matrix.verify.bootstrap", { accountId: kept.accountId, forceResetCrossSigning: "yes" })).rejects.toThrow(/forceResetCrossSigning/);
    await expect(scenario.call("matrix.verify.status", { accountId: "nobody" })).rejects.toThrow(/nobody/);
  });
});
