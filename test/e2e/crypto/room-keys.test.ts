import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../support/process.ts";
import { ShiftedClock } from "./clock.ts";
import { type Ours, say, World } from "./world.ts";
import type { Human } from "../../support/humans/index.ts";

// complement-crypto's room_keys_test.go, with the account as the one who makes the keys.
describe("the key of a room", () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start();
  });
  afterAll(() => world.end());

  /** An account and a person in a room, and the session of the account's first message there. */
  async function conversation(options: { rotation?: Record<string, number> } = {}): Promise<{ ours: Ours; person: Human; room: string; session: string }> {
    const [ours, person] = await Promise.all([world.ours(), world.person("matrix-js-sdk")]);
    const room = await world.room(person, ours, options);
    return { ours, person, room, session: await sessionOfNext(ours, person, room) };
  }

  /** Sends, and the person reads it. */
  async function sessionOfNext(ours: Ours, reader: Human, room: string): Promise<string> {
    const text = say("keyed");
    const eventId = await ours.send(room, text);
    await reader.waitForMessage(ours.userId, text);
    return ours.sessionOf(reader, room, eventId);
  }

  /** Resolves once the homeserver has told the account that a device of the person is there with its keys, or is gone. */
  async function told(ours: Ours, device: { userId: string; deviceId: string }, there: boolean, change: () => Promise<unknown>): Promise<void> {
    let devices: object | undefined;
    const stop = world.proxy.edit({
      path: /^keys\/query$/,
      userId: ours.userId,
      edit: (body) => void (devices = (body.device_keys as Record<string, object> | undefined)?.[device.userId] ?? devices),
    });
    await change();
    await until(`the account to be told of ${device.deviceId}`, 30_000, () => devices !== undefined && device.deviceId in devices === there);
    stop();
  }

  /** Another device of the person's, which the account knows. */
  async function secondDevice(ours: Ours, person: Human): Promise<Human> {
    const credentials = await world.homeserver.login(person.userId, person.credentials.password);
    let second: Human | undefined;
    await told(ours, credentials, true, async () => (second = await world.person("matrix-js-sdk", credentials)));
    return second as Human;
  }

  it("[ENC-4] is made anew when a device logs out", async () => {
    const { ours, person, room } = await conversation();
    const second = await secondDevice(ours, person);
    const session = await sessionOfNext(ours, second, room);
    await told(ours, second.credentials, false, () => second.request("POST", "v3/logout", {}));
    expect(await sessionOfNext(ours, person, room)).not.toBe(session);
  });

  it("[ENC-4] is made anew after as many messages as the room wants", async () => {
    const { ours, person, room, session } = await conversation({ rotation: { rotation_period_msgs: 5 } });
    const sessions = [session];
    for (let message = 2; message <= 6; message++) sessions.push(await sessionOfNext(ours, person, room));
    expect(new Set(sessions.slice(0, 5)).size).toBe(1);
    expect(sessions[5]).not.toBe(session);
  });

  it("[ENC-4] is made anew after as much time as the room wants", { timeout: 120_000 }, async () => {
    // The SDK takes an hour for the least; the clock of a process of its own is moved on.
    const clock = new ShiftedClock(world.folder("clock"));
    const person = await world.person("matrix-js-sdk");
    const ours = world.account(await world.user());
    const room = await person.createRoom({ encrypted: true, invite: [ours.userId], rotation: { rotation_period_ms: 3_600_000 } });
    const child = ours.child(clock.env);
    expect(await child.line()).toBe("running");
    child.tell({ join: room });
    await person.waitForMember(room, ours.userId);
    const sessions: string[] = [];
    for (const hours of [0, 0, 2]) {
      clock.shift(hours * 3600);
      const text = say("timed");
      child.tell({ room, text });
      const eventId = await child.line();
      await person.waitForMessage(ours.userId, text);
      sessions.push(await ours.sessionOf(person, room, eventId));
    }
    child.kill("SIGKILL");
    await child.ended;
    expect(sessions[1]).toBe(sessions[0]);
    expect(sessions[2]).not.toBe(sessions[1]);
  });

  it("[ENC-4] is made anew when a member leaves", async () => {
    const { ours, person, room } = await conversation();
    const other = await world.person("matrix-js-sdk");
    await person.invite(room, other.userId);
    await other.join(room);
    await until("the account to see both", 30_000, async () => (await ours.account.roomInfo(room)).joinedMemberCount === 3);
    const session = await sessionOfNext(ours, other, room);
    await other.leave(room);
    await until("the account to see one leave", 30_000, async () => (await ours.account.roomInfo(room)).joinedMemberCount === 2);
    expect(await sessionOfNext(ours, person, room)).not.toBe(session);
  });

  it("[ENC-4] stays when a name changes, when a device comes, and over a restart of ours", async () => {
    const { ours, person, room, session } = await conversation();
    await person.request("PUT", `v3/profile/${encodeURIComponent(person.userId)}/displayname`, { displayname: "Little Bobby Tables" });
    await until("the account to see the name", 30_000, async () => (await ours.account.member(room, person.userId))?.displayName === "Little Bobby Tables");
    expect(await sessionOfNext(ours, person, room)).toBe(session);

    const second = await secondDevice(ours, person);
    expect(await sessionOfNext(ours, second, room)).toBe(session);

    await ours.restart();
    expect(await sessionOfNext(ours, person, room)).toBe(session);
  });

  it("[ENC-4] an event whose sender the homeserver changes to another member is not believed", async () => {
    const { ours, person, room } = await conversation();
    const other = await world.person("matrix-js-sdk");
    await person.invite(room, other.userId);
    await other.join(room);
    const good = say("before");
    await person.send(room, good);
    await ours.waitFor(good);
    const restore = world.proxy.edit({
      path: /^sync$/,
      userId: ours.userId,
      edit(body) {
        const joined = (body.rooms as { join?: Record<string, { timeline?: { events?: { type: string; sender: string }[] } }> } | undefined)?.join;
        for (const event of joined?.[room]?.timeline?.events ?? []) if (event.type === "m.room.encrypted" && event.sender === person.userId) event.sender = other.userId;
      },
    });
    const text = say("spoofed");
    await person.send(room, text);
    const before = world.proxy.count({ path: /^sync$/, userId: ours.userId });
    await world.proxy.waitFor({ path: /^sync$/, userId: ours.userId }, before);
    restore();
    const later = say("after");
    await person.send(room, later);
    await ours.waitFor(later);
    expect(ours.messages(text)).toEqual([]);
  });
});
