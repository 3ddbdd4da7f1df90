import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JsSdkHuman } from "../../support/humans/index.ts";
import { until } from "../../support/process.ts";
import { type Ours, say, World } from "./world.ts";

/** Whether the person's client has heard that the account is invited to the room, in it, or out of it. */
const sees = (person: JsSdkHuman, room: string, ours: Ours, membership: "invite" | "join" | "leave"): boolean => person.sdk.getRoom(room)?.getMember(ours.userId)?.membership === membership;

/** Whether the person's client knows the account's device. */
const knows = async (person: JsSdkHuman, ours: Ours): Promise<boolean> =>
  (await person.sdk.getCrypto()?.getUserDeviceInfo([ours.userId]))?.get(ours.userId)?.has(ours.account.identity.deviceId) ?? false;

// complement-crypto's membership_acls_test.go and delayed_requests_test.go.
describe("who may read what", () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start();
  });
  afterAll(() => world.end());

  it("[ENC-4] the account encrypts for whom it has invited, before it hears of its own invite", async () => {
    const ours = await world.ours();
    const person = await world.browser();
    const text = say("to an invited one");
    const { room, sent } = await world.proxy.during({ path: /^sync$/, userId: ours.userId, taken: true, fault: { kind: "hold" } }, async (rule) => {
      const { roomId } = await ours.account.openDm(person.userId);
      const sending = ours.send(roomId, text);
      await rule.hit();
      return { room: roomId, sent: sending };
    });
    await sent;
    await person.join(room);
    await until("the person to see the message", 30_000, () => person.events.some((event) => event.body === text) || person.undecryptable.length > 0);
    await person.waitForMessage(ours.userId, text);
  });

  it("[ENC-4] what is said between the invite and the join is read", async () => {
    const ours = await world.ours();
    const person = await world.browser();
    const room = await person.createRoom({ encrypted: true, invite: [ours.userId] });
    await until("the person to see the invite", 30_000, () => sees(person, room, ours, "invite"));
    const text = say("before the join");
    await person.send(room, text);
    await until("the invite", 30_000, () => ours.seen.some((event) => event.type === "invite" && event.roomId === room));
    await ours.join(room);
    await ours.waitFor(text);
  });

  it("[ENC-4] history of a public room from before the join is seen and not read; what follows is read", async () => {
    const ours = await world.ours();
    const person = await world.browser();
    const room = await person.createRoom({ encrypted: true, preset: "public_chat" });
    const eventId = await person.send(room, say("before"));
    await ours.join(room);
    await person.waitForMember(room, ours.userId);
    expect(await ours.account.fetchMessage(room, eventId)).toMatchObject({ sender: person.userId, unavailable: "undecryptable" });
    const text = say("after");
    await person.send(room, text);
    await ours.waitFor(text);
  });

  it("[ENC-4] what was said while the account was out of the room is not read after it comes back; what follows is", async () => {
    const ours = await world.ours();
    const person = await world.browser();
    const room = await person.createRoom({ encrypted: true, preset: "public_chat" });
    await ours.join(room);
    await person.waitForMember(room, ours.userId);
    const both = say("both are here");
    await person.send(room, both);
    await ours.waitFor(both);
    await ours.account.leaveRoom(room);
    await until("the person to see it go", 30_000, () => sees(person, room, ours, "leave"));
    const eventId = await person.send(room, say("alone"));
    await ours.join(room);
    await until("the person to see it come", 30_000, () => sees(person, room, ours, "join"));
    expect(await ours.account.fetchMessage(room, eventId)).toMatchObject({ unavailable: "undecryptable" });
    const again = say("both are here again");
    await person.send(room, again);
    await ours.waitFor(again);
  });

  it("[ENC-4] a new device reads what is sent from then on, and not what was sent before", async () => {
    const ours = await world.ours();
    const person = await world.browser();
    const room = await world.room(person, ours);
    const old = say("for the old device");
    const eventId = await person.send(room, old);
    await ours.waitFor(old);
    const renewed = world.account(ours.user);
    await renewed.start();
    await until("the new device to know the room", 30_000, async () => (await renewed.account.roomInfo(room)).membership === "join");
    expect(await renewed.account.fetchMessage(room, eventId)).toMatchObject({ unavailable: "undecryptable" });
    await until("the person to know it", 30_000, () => knows(person, renewed));
    const both = say("for both devices");
    await person.send(room, both);
    await Promise.all([ours.waitFor(both), renewed.waitFor(both)]);
  });

  it("[ENC-4] a device that comes after the invite cannot read what was encrypted for the one before: nobody encrypts again", async () => {
    const ours = await world.ours();
    const person = await world.browser();
    const room = await person.createRoom({ encrypted: true, preset: "public_chat", invite: [ours.userId] });
    await until("the person to see the invite", 30_000, () => sees(person, room, ours, "invite"));
    const eventId = await person.send(room, say("for the old device"));
    await ours.close();
    const renewed = world.account(ours.user);
    await renewed.start();
    await renewed.join(room);
    await until("the person to know it", 30_000, () => knows(person, renewed));
    expect(await renewed.account.fetchMessage(room, eventId)).toMatchObject({ unavailable: "undecryptable" });
    const text = say("for the new device");
    await person.send(room, text);
    await renewed.waitFor(text);
  });
});
