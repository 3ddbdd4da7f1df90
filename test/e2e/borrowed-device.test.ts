import { afterAll, describe, expect, it } from "vitest";
import { until } from "../support/process.ts";
import { question, Scenario } from "./scenario.ts";

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
    /** The device as published and how many one-time keys it has, once its owner has replaced those that were taken. */
    const keys = async (): Promise<unknown> => {
      const devices = await friend.request<{ device_keys: Record<string, Record<string, unknown>> }>("POST", "v3/keys/query", { device_keys: { [person.userId]: [] } });
      const seen: number[] = [];
      await until("the owner's one-time keys to stay as many as they are", 30_000, async () => {
        // An upload of nothing answers with the counts.
        const { one_time_key_counts: counts } = await person.request<{ one_time_key_counts: Record<string, number> }>("POST", "v3/keys/upload", {});
        seen.push(counts.signed_curve25519 ?? 0);
        return seen.length >= 5 && new Set(seen.slice(-5)).size === 1;
      }, 500);
      return { device: devices.device_keys[person.userId], oneTimeKeys: seen.at(-1) };
    };
    return { credentials, person, friend, secretRoom, keys };
  }

  it("[AUT-11] with encryption on it is blocked, says how to get a device of its own, and touches no key", async () => {
    const { credentials, person, friend, secretRoom, keys } = await owner();
    await friend.send(secretRoom, "before");
    await person.waitForMessage(friend.userId, "before");
    const before = await keys();
    const log = (await rig.gateway.log()).length;
    scenario.configure("borrowed", scenario.settings({ accessToken: credentials.accessToken }));
    const line = await rig.gateway.waitForLog(/.*device_in_use.*/, { after: log });
    expect(line).toMatch(/password|openclaw /);
    expect(await keys()).toEqual(before);
    await friend.send(secretRoom, "after");
    expect((await person.waitForMessage(friend.userId, "after")).encrypted).toBe(true);
    expect(person.undecryptable).toEqual([]);
  });

  it("[AUT-11] with encryption off it answers in plain rooms and touches no key", async () => {
    const { credentials, person, friend, secretRoom, keys } = await owner();
    await friend.send(secretRoom, "before");
    await person.waitForMessage(friend.userId, "before");
    const before = await keys();
    scenario.configure("borrowedplain", scenario.settings({ accessToken: credentials.accessToken, encryption: false }));
    const bot = { accountId: "borrowedplain", userId: credentials.userId, password: credentials.password };
    const room = await scenario.openDm(friend, bot, { encrypted: false });
    await scenario.ask(friend, room, bot, question());
    expect(await keys()).toEqual(before);
    await friend.send(secretRoom, "after");
    expect((await person.waitForMessage(friend.userId, "after")).encrypted).toBe(true);
    expect(person.undecryptable).toEqual([]);
  });
});
