import { afterAll, describe, expect, it } from "vitest";
import { oneTimeKeySigners } from "../homeserver/one-time-keys.ts";
import { type Human, question, Scenario } from "./scenario.ts";

/** What a device has published of itself. */
interface DeviceKeys {
  keys: Record<string, string>;
}

describe("a token whose device belongs to another client", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  afterAll(() => scenario.end());

  /** A person at matrix-js-sdk whose token gets configured, a friend of theirs, and what the homeserver holds of their device. */
  async function owner() {
    const credentials = await rig.homeserver.register("owner", "Element");
    const person = await scenario.person("matrix-js-sdk", "owner", credentials);
    const friend = await scenario.person("matrix-nio", "friend");
    const secretRoom = await friend.createDm(person.userId, { encrypted: true });
    await person.join(secretRoom);
    await friend.waitForMember(secretRoom, person.userId);
    const published = async (): Promise<DeviceKeys> => {
      const answer = await friend.request<{ device_keys: Record<string, Record<string, DeviceKeys>> }>("POST", "v3/keys/query", { device_keys: { [person.userId]: [] } });
      return answer.device_keys[person.userId]?.[credentials.deviceId] as DeviceKeys;
    };
    return { credentials, person, friend, secretRoom, published };
  }

  /** The device is as it was, the one-time keys are its own, and a stranger's first message, for which one of them is taken, decrypts. */
  async function expectUntouched(person: Human, before: DeviceKeys, now: DeviceKeys): Promise<void> {
    expect(now).toEqual(before);
    const { userId, deviceId } = person.credentials;
    const signers = oneTimeKeySigners(rig.homeserverDir, userId, deviceId, before.keys[`ed25519:${deviceId}`] as string);
    expect(signers.own).toBeGreaterThan(0);
    expect(signers.foreign).toBe(0);
    const stranger = await scenario.person("matrix-nio", "stranger");
    const room = await stranger.createDm(userId, { encrypted: true });
    await person.join(room);
    await stranger.waitForMember(room, userId);
    await stranger.send(room, "a first message");
    expect((await person.waitForMessage(stranger.userId, "a first message")).encrypted).toBe(true);
  }

  it("[AUT-11] with encryption on it is blocked, says how to get a device of its own, and touches no key", async () => {
    const { credentials, person, friend, secretRoom, published } = await owner();
    await friend.send(secretRoom, "before");
    await person.waitForMessage(friend.userId, "before");
    const before = await published();
    const log = (await rig.gateway.log()).length;
    scenario.configure("borrowed", scenario.settings({ accessToken: credentials.accessToken }));
    const line = await rig.gateway.waitForLog(/.*device_in_use.*/, { after: log });
    expect(line).toMatch(/password|openclaw /);
    await expectUntouched(person, before, await published());
    await friend.send(secretRoom, "after");
    expect((await person.waitForMessage(friend.userId, "after")).encrypted).toBe(true);
    expect(person.undecryptable).toEqual([]);
  });

  it("[AUT-11] with encryption off it answers in plain rooms and touches no key", async () => {
    const { credentials, person, friend, secretRoom, published } = await owner();
    await friend.send(secretRoom, "before");
    await person.waitForMessage(friend.userId, "before");
    const before = await published();
    scenario.configure("borrowedplain", scenario.settings({ accessToken: credentials.accessToken, encryption: false }));
    const bot = { accountId: "borrowedplain", userId: credentials.userId, password: credentials.password };
    const room = await scenario.openDm(friend, bot, { encrypted: false });
    await scenario.ask(friend, room, bot, question());
    await expectUntouched(person, before, await published());
    await friend.send(secretRoom, "after");
    expect((await person.waitForMessage(friend.userId, "after")).encrypted).toBe(true);
    expect(person.undecryptable).toEqual([]);
  });
});
