import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HeldToDevice } from "../../support/fault-proxy/index.ts";
import { until } from "../../support/process.ts";
import { crowd } from "./crowd.ts";
import { gatewayTimeout, say, World } from "./world.ts";

const SEND = { method: "PUT", path: /^sendToDevice\// } as const;

// complement-crypto's to_device_test.go.
describe("what devices tell each other", () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start();
  });
  afterAll(() => world.end());

  it.each([
    { title: "it reached the homeserver", taken: false },
    { title: "the homeserver could say so", taken: true },
  ])("[ENC-4] is sent again when it fails before $title", async ({ taken }) => {
    const [ours, person] = await Promise.all([world.ours(), world.person("matrix-nio")]);
    const room = await world.room(person, ours);
    const rule = world.proxy.spoil({ ...SEND, userId: ours.userId, taken, times: 2, fault: gatewayTimeout() });
    const text = say("keyed at last");
    await ours.send(room, text);
    await person.waitForMessage(ours.userId, text);
    expect(rule.hits).toBe(2);
    expect(person.undecryptable).toEqual([]);
  });

  it("[ENC-4] is sent to a hundred devices in one request", async () => {
    const [ours, person] = await Promise.all([world.ours(), world.person("matrix-js-sdk")]);
    const room = await world.room(person, ours);
    await crowd(person.credentials, 100);
    // All of them are known once no more keys are asked for.
    const since = Date.now();
    await until("the account to know the devices", 60_000, () => Date.now() - Math.max(since, ...world.proxy.passed.filter(({ path, userId }) => path === "keys/query" && userId === ours.userId).map(({ at }) => at)) > 2000);
    const requests: number[] = [];
    world.proxy.edit({
      ...SEND,
      userId: ours.userId,
      edit: (_body, asked) => void requests.push(Object.values(asked.messages as Record<string, object>).reduce((sum, devices) => sum + Object.keys(devices).length, 0)),
    });
    const text = say("to all of them");
    await ours.send(room, text);
    await person.waitForMessage(ours.userId, text);
    expect(Math.max(...requests)).toBeGreaterThanOrEqual(100);
  });

  it("[ENC-4] more than an answer of /sync holds is taken in order", { timeout: 240_000 }, async () => {
    const ours = await world.ours();
    const people = await Promise.all([world.person("matrix-js-sdk"), world.person("matrix-js-sdk")]);
    const [first, second] = people as [(typeof people)[0], (typeof people)[0]];
    const room = await world.room(first, ours, { rotation: { rotation_period_msgs: 1 }, invite: [second.userId] });
    await second.join(room);
    await second.waitForMember(room, ours.userId);
    const texts: string[] = [];
    await world.proxy.during({ path: /^sync$/, userId: ours.userId, fault: gatewayTimeout() }, async () => {
      // Every message has a key of its own: more than a hundred keys wait.
      await Promise.all(
        people.map(async (person) => {
          for (let message = 0; message < 55; message++) {
            const text = say(`message ${message}`);
            texts.push(text);
            await person.send(room, text);
          }
        }),
      );
    });
    for (const text of texts) await ours.waitFor(text, 120_000);
    expect(new Set(ours.seen.map((event) => event.eventId)).size).toBe(ours.seen.length);
    expect((await ours.account.health()).undecryptable.waiting).toBe(0);
  });

  it("[ENC-5] what has come and was not worked on when the process was killed is there after the restart", async () => {
    const ours = await world.ours();
    const person = await world.person("matrix-js-sdk");
    const room = await world.room(person, ours, { rotation: { rotation_period_msgs: 1 } });
    const before = say("before");
    await person.send(room, before);
    await ours.waitFor(before);
    await ours.close();
    const missed = say("while it was down");
    await person.send(room, missed);
    const kill = Promise.withResolvers<void>();
    const stop = world.proxy.edit({
      path: /^sync$/,
      userId: ours.userId,
      edit(body) {
        // The answer leaves, and a moment later nobody is there any more.
        if ((body.to_device as { events?: unknown[] } | undefined)?.events?.length) setTimeout(() => kill.resolve(), 1);
      },
    });
    const child = ours.child();
    await kill.promise;
    child.kill("SIGKILL");
    await child.ended;
    stop();
    await ours.start();
    const next = say("after the restart");
    await person.send(room, next);
    await ours.waitFor(next);
    expect((await ours.account.health()).undecryptable.waiting).toBe(0);
  });

  it("[ENC-5] a room key is kept though the keys of its sender's device cannot be asked for", async () => {
    const [ours, person] = await Promise.all([world.ours(), world.person("matrix-js-sdk")]);
    const room = await world.room(person, ours);
    const rule = world.proxy.spoil({ method: "POST", path: /^keys\/query$/, userId: ours.userId, fault: gatewayTimeout() });
    const second = await world.person("matrix-js-sdk", await world.homeserver.login(person.userId, person.credentials.password));
    await second.waitForMember(room, ours.userId);
    const text = say("from a device that nobody knows");
    await second.send(room, text);
    await rule.hit();
    rule.lift();
    await ours.waitFor(text);
  });

  it("[ENC-5] a room key that comes after its message makes it readable, once", async () => {
    const [ours, person] = await Promise.all([world.ours(), world.person("matrix-nio")]);
    const room = await world.room(person, ours);
    const held = new HeldToDevice(world.proxy, ours.userId, (event) => event.type === "m.room.encrypted");
    const text = say("early");
    await person.send(room, text);
    for (let { version, undecryptable } = await ours.account.health(); undecryptable.waiting !== 1; ) {
      ({ version, undecryptable } = (await ours.account.healthAfter(version)) ?? { version, undecryptable });
    }
    expect(ours.messages(text)).toEqual([]);
    expect(held.count).toBe(1);
    held.release();
    expect(await ours.waitFor(text)).toMatchObject({ late: true, encrypted: true });
    expect(ours.messages(text)).toHaveLength(1);
    expect((await ours.account.health()).undecryptable.waiting).toBe(0);
  });
});
