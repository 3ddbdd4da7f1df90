import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OpenAccountOptions } from "../../../ts/native/account.ts";
import { crossSign } from "../../support/humans/cross-signing.ts";
import type { JsSdkHuman } from "../../support/humans/js-sdk.ts";
import { until } from "../../support/process.ts";
import { type Ours, say, World } from "./world.ts";

describe("whose devices are believed, and which get the keys", () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start();
  });
  afterAll(() => world.end());

  /** An account, a person, and an encrypted room of theirs. */
  async function pair(options: Partial<OpenAccountOptions> = {}): Promise<{ ours: Ours; person: JsSdkHuman; room: string }> {
    const [user, person] = await Promise.all([world.user(), world.browser()]);
    const ours = world.account(user, undefined, options);
    await ours.start();
    return { ours, person, room: await world.room(person, ours) };
  }

  async function heard(ours: Ours, person: JsSdkHuman, room: string) {
    const text = say("heard");
    await person.send(room, text);
    return ours.waitFor(text);
  }

  /** Sends; what the outbox has in the end. */
  async function sent(ours: Ours, roomId: string, markdown: string) {
    const key = say("key");
    const request = { roomId, markdown, key, kind: "text" as const, chunkLimit: 4000, chunkMode: "length" as const, tables: "off" as const };
    await ours.account.sendText({ ...request, waitMs: 60_000 }).catch(() => undefined);
    return ours.account.outboxEntry(key);
  }

  it("[ENC-12] a message says whether its device is signed by its owner, and so does a look at it later", async () => {
    const { ours, person, room } = await pair();
    const before = await heard(ours, person, room);
    expect(before).toMatchObject({ encrypted: true, senderTrust: "unsigned", sessionId: expect.any(String) });
    await crossSign(person);
    const check = { roomId: room, userId: person.userId, sessionId: before.sessionId };
    await until("the device to count as signed", 30_000, async () => (await ours.account.checkSender(check)).trust === "cross-signed");
    const after = await heard(ours, person, room);
    expect(after.senderTrust).toBe("cross-signed");
    // Another device of theirs, that nobody has signed.
    const second = (await world.person("matrix-js-sdk", await world.homeserver.login(person.userId, person.credentials.password))) as JsSdkHuman;
    const other = await heard(ours, second, room);
    expect(other.senderTrust).not.toBe("cross-signed");
    expect(await ours.account.checkSender({ roomId: room, userId: person.userId, sessionId: other.sessionId })).toEqual({ trust: "unsigned", identityChanged: false });
  });

  it("[ENC-12] the first message of a new device counts although the homeserver has not told of the device", async () => {
    const { ours, person, room } = await pair();
    await heard(ours, person, room);
    // What is asked by itself goes unanswered, as with a homeserver that is slow.
    const stalled = world.proxy.spoil({ path: /^keys\/query$/, userId: ours.userId, fault: { kind: "answer", status: 504, body: "" } });
    await crossSign(person);
    await person.sdk.getCrypto()?.forceDiscardSession(room);
    const event = await heard(ours, person, room);
    expect(event.senderTrust).toBe("unsigned");
    const check = { roomId: room, userId: person.userId, sessionId: event.sessionId };
    await expect(ours.account.checkSender(check), "no verdict while nobody can be asked").rejects.toMatchObject({ code: "network" });
    stalled.lift();
    expect((await ours.account.checkSender(check)).trust).toBe("cross-signed");
  });

  it("[ENC-12] an identity that changed is told until it is accepted", async () => {
    const { ours, person, room } = await pair();
    await crossSign(person);
    const check = async () => ours.account.checkSender({ roomId: room, userId: person.userId, sessionId: (await heard(ours, person, room)).sessionId });
    await until("the identity to be known", 30_000, async () => (await check()).trust === "cross-signed");
    await crossSign(person, { reset: true });
    await until("the change to be told", 30_000, async () => (await ours.account.health()).changedIdentities.length > 0);
    expect((await ours.account.health()).changedIdentities).toEqual([{ userId: person.userId, wasVerified: false }]);
    expect(await check()).toMatchObject({ identityChanged: true });
    await ours.restart();
    await until("it to be told after a restart", 30_000, async () => (await ours.account.health()).changedIdentities.length > 0);
    expect(await ours.account.acknowledgeIdentity(person.userId)).toBe(true);
    expect((await ours.account.health()).changedIdentities).toEqual([]);
    expect(await check()).toEqual({ trust: "cross-signed", identityChanged: false });
    expect(await ours.account.acknowledgeIdentity(person.userId)).toBe(false);
    const stranger = await world.homeserver.register("stranger");
    await expect(ours.account.acknowledgeIdentity(stranger.userId)).rejects.toMatchObject({ code: "not_found" });
    await expect(ours.account.acknowledgeIdentity(ours.userId)).rejects.toMatchObject({ code: "config_invalid" });
  });

  it("[ENC-12] trust.send cross-signed: nothing without an identity of our own, then for signed devices alone", async () => {
    const { ours, person, room } = await pair({ keyRecipients: "cross-signed" });
    await crossSign(person);
    await heard(ours, person, room);
    const refused = await sent(ours, room, say("refused"));
    expect(refused.state).toBe("failed");
    expect(refused.error).toMatch(/`trust\.send` is "cross-signed".*`openclaw matrix verify bootstrap`/);
    await ours.account.bootstrapEncryption({ forceResetCrossSigning: false });
    const second = (await world.person("matrix-js-sdk", await world.homeserver.login(person.userId, person.credentials.password))) as JsSdkHuman;
    await heard(ours, second, room);
    const text = say("for signed devices");
    expect((await sent(ours, room, text)).state).toBe("sent");
    await person.waitForMessage(ours.userId, text);
    await until("the unsigned device to be refused", 30_000, () => second.undecryptable.some(({ sender }) => sender === ours.userId));
    expect(second.events.filter((event) => event.body.includes(text))).toEqual([]);
  });

  it("[ENC-12] trust.send cross-signed: what nobody could read is not sent, and the error says whose device it is", async () => {
    const { ours, person, room } = await pair({ keyRecipients: "cross-signed" });
    await ours.account.bootstrapEncryption({ forceResetCrossSigning: false });
    await heard(ours, person, room);
    const refused = await sent(ours, room, say("unreadable"));
    expect(refused).toMatchObject({ state: "failed", inDoubt: false });
    expect(refused.error).toContain(person.userId);
    expect(refused.error).toMatch(/verify the device they write from.*`trust\.send`/);
    await crossSign(person);
    await until("the device to count as signed", 30_000, async () => (await heard(ours, person, room)).senderTrust === "cross-signed");
    const text = say("readable");
    expect((await sent(ours, room, text)).state).toBe("sent");
    await person.waitForMessage(ours.userId, text);
  });
});
