import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { request } from "../../homeserver/users.ts";
import { until } from "../../support/process.ts";
import { gatewayTimeout, type Ours, say, World } from "./world.ts";

const UPLOAD = { method: "POST", path: /^keys\/upload$/ } as const;

type Claimed = { one_time_keys: Record<string, Record<string, Record<string, { fallback?: boolean }>>> };

// complement-crypto's one_time_keys_test.go, device_keys_test.go and state_synchronisation_test.go.
describe("keys on the homeserver", () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start();
  });
  afterAll(() => world.end());

  /** Takes one of the account's one-time keys, as somebody does who wants to write to it; undefined if there is none. */
  async function claim(ours: Ours, deviceId: string): Promise<{ fallback?: boolean } | undefined> {
    const body = { one_time_keys: { [ours.userId]: { [deviceId]: "signed_curve25519" } } };
    const { one_time_keys: keys } = await request<Claimed>(world.homeserver.baseUrl, "POST", "v3/keys/claim", { token: ours.user.accessToken, body });
    return Object.values(keys[ours.userId]?.[deviceId] ?? {})[0];
  }

  it("[ENC-4] a failed upload of one-time keys is tried again", async () => {
    const ours = world.account(await world.user());
    const rule = world.proxy.spoil({ ...UPLOAD, userId: ours.userId, times: 2, fault: gatewayTimeout() });
    await ours.start();
    const { deviceId } = ours.account.identity;
    expect(await until("a one-time key", 60_000, () => claim(ours, deviceId))).not.toHaveProperty("fallback");
    expect(rule.hits).toBe(2);
  });

  it("[ENC-4] the fallback key serves when the one-time keys have run out and none can be uploaded", async () => {
    const [ours, bob, charlie] = await Promise.all([world.ours(), world.person("matrix-nio"), world.person("matrix-js-sdk")]);
    const { deviceId } = ours.account.identity;
    await until("the account's keys", 30_000, () => claim(ours, deviceId));
    const texts = await world.proxy.during({ ...UPLOAD, userId: ours.userId, fault: gatewayTimeout() }, async () => {
      const taken = await until("the fallback key", 60_000, async () => {
        const key = await claim(ours, deviceId);
        return key?.fallback === true;
      }, 0);
      expect(taken).toBe(true);
      const said = [];
      for (const person of [bob, charlie]) {
        const room = await world.room(person, ours);
        const text = say("with the fallback key");
        await person.send(room, text);
        said.push(text);
      }
      return said;
    });
    for (const text of texts) await ours.waitFor(text);
  });

  it("[ENC-4] a failed claim of keys is tried again", async () => {
    const [ours, person] = await Promise.all([world.ours(), world.person("matrix-nio")]);
    const room = await world.room(person, ours);
    const rule = world.proxy.spoil({ method: "POST", path: /^keys\/claim$/, userId: ours.userId, times: 2, fault: gatewayTimeout() });
    const text = say("claimed at last");
    await ours.send(room, text);
    await person.waitForMessage(ours.userId, text);
    expect(rule.hits).toBe(2);
    expect(person.undecryptable).toEqual([]);
  });

  it("[ENC-4] a failed download of device keys is tried again", async () => {
    const [ours, person] = await Promise.all([world.ours(), world.person("matrix-nio")]);
    const rule = world.proxy.spoil({ method: "POST", path: /^keys\/query$/, userId: ours.userId, times: 3, fault: gatewayTimeout() });
    const room = await world.room(person, ours);
    const [theirs, mine] = [say("to the account"), say("from the account")];
    await person.send(room, theirs);
    await ours.waitFor(theirs);
    await ours.send(room, mine);
    await person.waitForMessage(ours.userId, mine);
    expect(rule.hits).toBe(3);
    expect(person.undecryptable).toEqual([]);
  });

  it("[ENC-4] SIGKILL after the homeserver took the keys and before it could say so: the same keys come again, none twice", async () => {
    const ours = world.account(await world.user());
    const rule = world.proxy.spoil({ ...UPLOAD, userId: ours.userId, taken: true, times: 1, fault: { kind: "stall" } });
    const child = ours.child();
    await rule.hit();
    child.kill("SIGKILL");
    await child.ended;
    await ours.start();
    await world.proxy.waitFor({ ...UPLOAD, userId: ours.userId, status: 200 });
    expect(world.proxy.count({ ...UPLOAD, userId: ours.userId, status: 400 })).toBe(0);
    expect((await ours.account.health()).duplicateOneTimeKeys).toBe(false);
    const person = await world.person("matrix-nio");
    const room = await world.room(person, ours);
    const text = say("after the kill");
    await person.send(room, text);
    await ours.waitFor(text);
  });
});
