import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { FaultProxy, HeldToDevice } from "../../support/fault-proxy/index.ts";
import { until } from "../../support/process.ts";
import { EncryptionScenario } from "../encryption-scenario.ts";
import { type Bot, question } from "../scenario.ts";

describe("keys that were lost, and commands amid the traffic", () => {
  const scenario = new EncryptionScenario();
  const { rig } = scenario;
  afterAll(() => scenario.end());

  const folderOf = (of: Bot): string => join(rig.home.stateDir, "matrix-rs", "accounts", of.accountId);

  /** A secret in a file of the host's, as a reference for the configuration. */
  function secret(name: string, value: string): { source: "file"; provider: string; id: string } {
    const folder = join(rig.home.dir, "encryption-secrets");
    const file = join(folder, `${name}.json`);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(file, JSON.stringify({ value }), { mode: 0o600 });
    rig.home.patch((config) => {
      const providers = (config.secrets as { providers?: object } | undefined)?.providers;
      config.secrets = { providers: { ...providers, [name]: { source: "file", path: file, mode: "json" } } };
    });
    return { source: "file", provider: name, id: "/value" };
  }

  it("[BKP-4][BKP-5][ENC-5][ENC-7][SEC-3] a device that lost its keys comes back verified without a person, and answers once what only the backup can open", { timeout: 600_000 }, async () => {
    const proxy = await FaultProxy.start(rig.homeserver.baseUrl);
    try {
      const lost = await scenario.bot("lost", { homeserver: proxy.url });
      const { recoveryKey: key } = await scenario.report(lost, "verify bootstrap", { showNewRecoveryKey: true });
      const owner = await scenario.element(lost);
      await owner.encryption.open(key as string);
      const person = await scenario.person("matrix-nio");
      const room = await scenario.openDm(person, lost, { encrypted: true });
      const { eventId } = await scenario.ask(person, room, lost, question("The boat is called Emma."));
      const folder = folderOf(lost);
      const device = (await scenario.report(lost, "verify status")).deviceId;

      // The encryption store alone: the key that the folder keeps is enough.
      await scenario.away(lost, () => {
        for (const suffix of ["", "-wal", "-shm"]) rmSync(join(folder, "store", `matrix-sdk-crypto.sqlite3${suffix}`), { force: true });
      });
      const second = await scenario.verified(lost);
      expect(second).toMatchObject({ recoveryKeyStored: true, backup: { issue: "ok" } });
      expect(second.deviceId).not.toBe(device);
      expect(await rig.gateway.log()).toMatch(new RegExp(`\\[${lost.accountId}\\] verified by the recovery key that this account keeps; its backup is in use`));
      expect(await rig.home.run(["channels", "status"])).toMatch(/the encryption keys of device \w+ are gone/);

      // Everything: the key of the configuration does it.
      const reference = secret("recoveryfile", key as string);
      await scenario.away(lost, () => {
        rmSync(folder, { recursive: true });
        scenario.edit(lost.accountId, (account) => void (account.recoveryKey = reference));
      });
      const third = await scenario.verified(lost);
      expect(third.deviceId).not.toBe(second.deviceId);
      expect(third).toMatchObject({ recoveryKeyStored: true, backup: { issue: "ok" } });
      expect(await rig.gateway.log()).toContain(`[${lost.accountId}] verified by channels.matrix.accounts.${lost.accountId}.recoveryKey; its backup is in use`);

      // What was said to a device that is no more is read out of the backup.
      await person.waitForMember(room, lost.userId);
      const asked = question("What is it called?");
      await person.reply(room, asked.text, eventId);
      await scenario.answer(person, lost, asked);
      expect(JSON.stringify((await rig.model.prompts(asked.marker))[0]?.messages)).toContain("The boat is called Emma");

      // A key that never comes to this device, but to the owner's, which puts it into the backup.
      const apart = await scenario.openDm(person, lost, { encrypted: true });
      await owner.join(apart).catch(() => undefined);
      const held = new HeldToDevice(proxy, lost.userId, (event) => event.type === "m.room.encrypted" && event.sender === person.userId);
      const late = question("Its key is in the backup alone.");
      await person.send(apart, late.text);
      await until("the key to be held", 60_000, () => held.count > 0);
      await owner.waitForMessage(person.userId, late.marker);
      await person.waitForMessage(lost.userId, late.marker, { timeoutMs: 240_000 });
      held.release();
      await scenario.ask(person, apart, lost);
      expect(scenario.answersOf(person, lost, late), "answers").toHaveLength(1);
      expect(await rig.gateway.log(), "the gateway's log").not.toContain(key as string);
    } finally {
      await proxy.stop();
    }
  });

  it("[ENC-13] commands while the gateway answers: all of them work, every answer is there once, in order, and readable", { timeout: 400_000 }, async () => {
    const busy = await scenario.bot("busy");
    await scenario.report(busy, "verify bootstrap");
    const person = await scenario.person("matrix-js-sdk");
    const room = await scenario.openDm(person, busy, { encrypted: true });
    await scenario.ask(person, room, busy);
    const asked = Array.from({ length: 8 }, () => question());
    const talking = (async () => {
      for (const one of asked) {
        await person.send(room, one.text);
        await scenario.answer(person, busy, one);
      }
    })();
    const commands = await Promise.all([scenario.json(busy, "verify status"), scenario.json(busy, "verify backup restore"), scenario.json(busy, "verify bootstrap"), scenario.run(busy, "verify backup status")]);
    for (const { code } of commands) expect(code).toBe(0);
    const reset = await scenario.report(busy, "verify backup reset", { rotateRecoveryKey: true });
    expect(reset.success).toBe(true);
    await talking;
    scenario.expectOnceInOrder(person, busy, room, asked);
    expect(person.undecryptable).toEqual([]);
    expect(await scenario.report(busy, "verify status")).toMatchObject({ verified: true, backup: { issue: "ok" } });
    await scenario.ask(person, room, busy);
  });
});
