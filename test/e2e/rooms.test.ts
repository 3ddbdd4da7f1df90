import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bot, HUMAN_CLIENTS, question, Scenario } from "./scenario.ts";

describe.each(HUMAN_CLIENTS)("rooms with %s", (client) => {
  const scenario = new Scenario();
  let bot: Bot;
  beforeAll(async () => {
    bot = await scenario.addBot("room");
  });
  afterAll(() => scenario.end());

  it("[MEN-1][ENC-1] in an encrypted room a mention is answered, a message without one is not", async () => {
    const person = await scenario.person(client);
    const room = await person.createRoom({ encrypted: true, invite: [bot.userId] });
    await person.waitForMember(room, bot.userId);
    const unmentioned = question("Said to everybody.");
    await person.send(room, unmentioned.text);
    const mentioned = question("Said to you.");
    const eventId = await person.mention(room, bot.userId, mentioned.text);
    const answer = await scenario.answer(person, bot, mentioned);
    expect(answer.roomId).toBe(room);
    for (const id of [eventId, answer.eventId]) expect((await person.wire(room, id)).type).toBe("m.room.encrypted");
    // The room's history may tell the model what was said before; nobody answers it.
    expect(scenario.answersOf(person, bot, unmentioned).filter((event) => event.eventId !== answer.eventId)).toEqual([]);
    expect((await scenario.rig.model.prompts(unmentioned.marker)).filter((prompt) => !prompt.markers.includes(mentioned.marker))).toEqual([]);
  });

  it("[MEN-1] with requireMention off for the room, every message is answered", async () => {
    const person = await scenario.person(client);
    const room = await person.createRoom({ encrypted: true });
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.groups = { ...(settings.groups as object | undefined), [room]: { requireMention: false } };
    });
    await person.invite(room, bot.userId);
    await person.waitForMember(room, bot.userId);
    expect((await scenario.ask(person, room, bot)).answer.roomId).toBe(room);
  });

  it("[THR-1] a mention in a thread of a room is answered in it", async () => {
    const person = await scenario.person(client);
    const room = await person.createRoom({ encrypted: true, invite: [bot.userId] });
    await person.waitForMember(room, bot.userId);
    const root = await person.send(room, "The root, said to nobody.");
    const asked = question();
    await person.mention(room, bot.userId, asked.text, root);
    expect((await scenario.answer(person, bot, asked)).threadRootId).toBe(root);
  });
});

describe("who may talk in rooms", () => {
  const scenario = new Scenario();
  afterAll(() => scenario.end());

  it.each(HUMAN_CLIENTS)("[ACL-5] groupAllowFrom lets the listed sender through and nobody else (%s)", async (client) => {
    const listed = await scenario.person(client, "listed");
    const unlisted = await scenario.person("matrix-js-sdk", "unlisted");
    const bot = await scenario.addBot("senders", {
      groupPolicy: "allowlist",
      groupAllowFrom: [listed.userId],
      dm: { policy: "open", allowFrom: ["*"] },
      groups: { "*": { requireMention: true } },
    });
    const room = await listed.createRoom({ encrypted: true, invite: [bot.userId, unlisted.userId] });
    await unlisted.join(room);
    await listed.waitForMember(room, bot.userId);
    await unlisted.waitForMember(room, bot.userId);
    const refused = question("From the unlisted.");
    await unlisted.mention(room, bot.userId, refused.text);
    await listed.waitForMessage(unlisted.userId, refused.marker);
    const asked = question("From the listed.");
    await listed.mention(room, bot.userId, asked.text);
    await scenario.answer(listed, bot, asked);
    expect(scenario.answersOf(unlisted, bot, refused)).toEqual([]);
    expect((await scenario.rig.model.prompts(refused.marker)).filter((prompt) => !prompt.markers.includes(asked.marker))).toEqual([]);
  });

  it("[INV-1] autoJoin off leaves an invitation alone, allowlist accepts the listed room", async () => {
    const person = await scenario.person("matrix-nio");
    const listedRoom = await person.createRoom({ encrypted: false });
    const off = await scenario.addBot("joinoff", { autoJoin: "off" });
    const allowlist = await scenario.addBot("joinlist", { autoJoin: "allowlist", autoJoinAllowlist: [listedRoom] });
    const other = await person.createRoom({ encrypted: false, invite: [off.userId, allowlist.userId] });
    await person.invite(listedRoom, allowlist.userId);
    await person.waitForMember(listedRoom, allowlist.userId);
    const { chunk } = await person.request<{ chunk: { state_key: string; content: { membership: string } }[] }>("GET", `v3/rooms/${encodeURIComponent(other)}/members`);
    const membership = Object.fromEntries(chunk.map((member) => [member.state_key, member.content.membership]));
    expect(membership[off.userId]).toBe("invite");
    expect(membership[allowlist.userId]).toBe("invite");
  });
});
