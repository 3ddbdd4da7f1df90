import { cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HeldToDevice } from "../../support/fault-proxy/index.ts";
import type { Human, JsSdkHuman } from "../../support/humans/index.ts";
import { until } from "../../support/process.ts";
import { type Ours, say, World } from "./world.ts";

const WAIT_MS = 60_000;

describe("the room-key backup and another client of the same account", () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start();
  });
  afterAll(() => world.end());

  /** A further client of the account's user, as their owner at Element. */
  async function owner(ours: Ours): Promise<JsSdkHuman> {
    const credentials = await world.homeserver.login(ours.userId, ours.user.password, "Element");
    return (await world.person("matrix-js-sdk", credentials)) as JsSdkHuman;
  }

  /** A new user's account, set up by this plugin; the recovery key. */
  async function setUp(): Promise<{ ours: Ours; key: string }> {
    const ours = await world.ours();
    await ours.account.bootstrapEncryption({ forceResetCrossSigning: false });
    const key = await ours.account.recoveryKey();
    if (key === undefined) throw new Error("no recovery key is kept");
    return { ours, key };
  }

  const count = async (ours: Ours): Promise<number> => (await ours.request<{ count: number }>("GET", "v3/room_keys/version")).count;

  const holds = (ours: Ours, keys: number): Promise<unknown> => until(`the backup to hold ${keys} keys`, WAIT_MS, async () => (await count(ours)) >= keys);

  /** The text of an event, once the account can read it. */
  function reads(ours: Ours, room: string, eventId: string): Promise<string> {
    return until(`the account to read ${eventId}`, WAIT_MS, async () => {
      const message = await ours.account.fetchMessage(room, eventId);
      return message && message.unavailable === undefined ? message.text : undefined;
    });
  }

  it("[ENC-2][BKP-4] what is set up here opens in matrix-js-sdk with the recovery key alone, and its keys are read there", async () => {
    const { ours, key } = await setUp();
    const person = await world.person("matrix-nio");
    const room = await world.room(person, ours);
    const text = say("said to the account");
    await person.send(room, text);
    await ours.waitFor(text);
    await ours.send(room, say("answered by it"));
    await holds(ours, 2);

    const element = await owner(ours);
    expect(await element.encryption.verified()).toBe(false);
    await element.encryption.open(key);
    expect(await element.encryption.verified()).toBe(true);
    expect(await element.encryption.verified(ours.account.identity.deviceId), "the account's device, seen from there").toBe(true);
    const { backup } = await ours.account.encryptionStatus();
    expect(await element.encryption.backupVersion()).toBe(backup.serverVersion);
    expect(await element.encryption.crypto.restoreKeyBackup()).toEqual({ imported: 2, total: 2 });
    expect((await element.waitForMessage(person.userId, text)).encrypted).toBe(true);
  });

  it("[VER-3][BKP-2] what matrix-js-sdk has set up verifies this device, and old rooms are read out of its backup", async () => {
    const user = await world.user();
    const element = (await world.person("matrix-js-sdk", await world.homeserver.login(user.userId, user.password, "Element"))) as JsSdkHuman;
    const key = await element.encryption.setUp();
    const person = await world.person("matrix-nio");
    const room = await person.createRoom({ encrypted: true, invite: [user.userId] });
    await element.join(room);
    await person.waitForMember(room, user.userId);
    const old = say("from before this device");
    const eventId = await person.send(room, old);
    await element.waitForMessage(person.userId, old);

    const ours = world.account(user);
    await ours.start();
    await holds(ours, 1);
    expect(await ours.account.encryptionStatus()).toMatchObject({ verified: false, backup: { issue: "key-not-loaded" } });
    const recovered = await ours.account.recover(key);
    expect(recovered).toEqual({ recoveryKeyAccepted: true, backupUsable: true, deviceOwnerVerified: true, refusals: [] });
    expect(await element.encryption.verified(ours.account.identity.deviceId), "this device, seen from matrix-js-sdk").toBe(true);
    // Nobody fetched the whole backup: the one key comes because it is asked for.
    expect(await reads(ours, room, eventId)).toBe(old);
    expect(await ours.account.restoreBackup()).toMatchObject({ imported: 1, total: 1, loadedFromSecretStorage: false });
    expect(await ours.account.encryptionStatus()).toMatchObject({ verified: true, recoveryKeyStored: true, backup: { issue: "ok" } });

    // The owner changes the recovery key: the former one is known as that, the new one serves.
    const rotated = await element.encryption.rotateRecoveryKey();
    expect(await ours.account.recover(key)).toMatchObject({ recoveryKeyAccepted: false, deviceOwnerVerified: true, refusals: ["former-key"] });
    expect(await ours.account.recover(rotated)).toMatchObject({ recoveryKeyAccepted: true, refusals: [] });
    // And begins a new backup, whose key is in secret storage: the kept recovery key finds it.
    await element.encryption.newBackup();
    expect((await ours.account.encryptionStatus()).backup).toMatchObject({ issue: "key-mismatch", trusted: true, keyLoadAttempted: true });
    expect(await ours.account.recover()).toMatchObject({ backupUsable: true, refusals: [] });
    expect((await ours.account.encryptionStatus()).backup.issue).toBe("ok");
  });

  /** A message whose key reaches the owner's Element and, through it, the backup; never this device. */
  async function keyOnlyInBackup(ours: Ours, element: JsSdkHuman, person: Human, room: string): Promise<{ text: string; held: HeldToDevice }> {
    const held = new HeldToDevice(world.proxy, ours.userId, (event) => event.type === "m.room.encrypted" && event.sender === person.userId);
    const text = say("its key is in the backup alone");
    await person.send(room, text);
    await element.waitForMessage(person.userId, text);
    await until("the key to be held", WAIT_MS, () => held.count > 0);
    return { text, held };
  }

  it("[ENC-5][BKP-5] a wiped device comes back by password and recovery key, and reads once what only the backup can open", { timeout: 240_000 }, async () => {
    const { ours, key } = await setUp();
    const element = await owner(ours);
    await element.encryption.open(key);
    const person = await world.person("matrix-nio");
    const room = await world.room(person, ours);
    const before = say("before the disk was lost");
    const eventId = await person.send(room, before);
    await ours.waitFor(before);
    await holds(ours, 1);
    const device = ours.account.identity.deviceId;
    await ours.close();

    rmSync(ours.stateDir, { recursive: true });
    mkdirSync(ours.stateDir);
    await ours.start();
    expect(ours.account.identity.deviceId).not.toBe(device);
    expect(await ours.account.recover(key)).toMatchObject({ deviceOwnerVerified: true, backupUsable: true });
    expect(await reads(ours, room, eventId)).toBe(before);

    // The room keys that the person's client makes from now on are meant for the new device, too.
    await person.waitForMember(room, ours.userId);
    const { text, held } = await keyOnlyInBackup(ours, element, person, room);
    await ours.waitFor(text, 150_000);
    expect(await ours.account.health()).toMatchObject({ undecryptable: { waiting: 0 } });
    // The key itself, when it comes after all, makes no second message of it, nor does a restart.
    held.release();
    await ours.restart();
    const after = say("after it");
    await person.send(room, after);
    await ours.waitFor(after);
    expect(ours.messages(text)).toHaveLength(1);
  });

  it("[ENC-4][BKP-4] a machine that is put back to a snapshot is told by the homeserver, and goes on with a new device that verifies itself", { timeout: 240_000 }, async () => {
    const { ours } = await setUp();
    const person = await world.person("matrix-js-sdk");
    const room = await world.room(person, ours);
    const old = say("before the snapshot");
    const eventId = await person.send(room, old);
    await ours.waitFor(old);
    await holds(ours, 1);
    await ours.close();
    // All of it, the number outside the folder too: nothing here can tell.
    const snapshot = world.folder("snapshot");
    const outside = `${ours.stateDir}.generation`;
    cpSync(ours.stateDir, join(snapshot, "account"), { recursive: true });
    cpSync(outside, join(snapshot, "generation"));

    await ours.start();
    const device = ours.account.identity.deviceId;
    // Keys are taken, and new ones put there under the ids that come next.
    const uploads = () => world.proxy.count({ method: "POST", path: /^keys\/upload$/, userId: ours.userId, status: 200 });
    const claim = async (): Promise<void> => {
      for (let key = 0; key < 5; key++) await person.request("POST", "v3/keys/claim", { one_time_keys: { [ours.userId]: { [device]: "signed_curve25519" } } });
    };
    const before = uploads();
    await claim();
    await until("new one-time keys", WAIT_MS, () => uploads() > before);
    await ours.close();

    rmSync(ours.stateDir, { recursive: true });
    cpSync(join(snapshot, "account"), ours.stateDir, { recursive: true });
    cpSync(join(snapshot, "generation"), outside);
    await claim();
    await ours.open();
    const blocked = await until("the account to notice", 120_000, async () => {
      const { sync } = await ours.account.health();
      return sync.state === "blocked" ? sync.error : undefined;
    });
    expect(blocked).toMatchObject({ code: "store_corrupt" });
    // As the gateway does it.
    await ours.restart();
    expect(ours.account.identity.deviceId).not.toBe(device);
    expect((await ours.account.health()).notices).toMatchObject([{ kind: "crypto-store", message: expect.stringContaining("one-time keys") }]);
    expect(await ours.account.recover()).toMatchObject({ recoveryKeyAccepted: true, backupUsable: true, deviceOwnerVerified: true });
    expect(await reads(ours, room, eventId)).toBe(old);
    const after = say("and on");
    await person.send(room, after);
    await ours.waitFor(after);
    expect(readdirSync(join(ours.stateDir, "aside"))).toHaveLength(1);
  });
});
