import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bot, HUMAN_CLIENTS, question, Scenario } from "./scenario.ts";

describe.each(HUMAN_CLIENTS)("direct messages with %s", (client) => {
  const scenario = new Scenario();
  let bot: Bot;
  beforeAll(async () => {
    bot = await scenario.addBot("dm");
  });
  afterAll(() => scenario.end());

  it("[INV-1][ACL-1] a plain DM is joined and answered", async () => {
    const person = await scenario.person(client);
    const room = await scenario.openDm(person, bot, { encrypted: false });
    const { answer } = await scenario.ask(person, room, bot);
    expect(answer.roomId).toBe(room);
    expect(answer.encrypted).toBe(false);
    expect(answer.threadRootId).toBeUndefined();
  });

  it("[ENC-1] an encrypted DM is answered, encrypted, and every event of it decrypts", async () => {
    const person = await scenario.person(client);
    const room = await scenario.openDm(person, bot, { encrypted: true });
    const first = await scenario.ask(person, room, bot);
    const second = await scenario.ask(person, room, bot);
    for (const eventId of [first.eventId, first.answer.eventId, second.eventId, second.answer.eventId]) {
      expect((await person.wire(room, eventId)).type).toBe("m.room.encrypted");
    }
    expect(first.answer.encrypted).toBe(true);
    expect(second.answer.encrypted).toBe(true);
  });

  it("[THR-1] a reply to a message in a thread stays in its thread, one outside of it stays outside", async () => {
    const person = await scenario.person(client);
    const room = await scenario.openDm(person, bot, { encrypted: true });
    const { eventId: root, answer: outside } = await scenario.ask(person, room, bot);
    expect(outside.threadRootId).toBeUndefined();
    const asked = question("In the thread.");
    await person.sendInThread(room, asked.text, root);
    const inside = await scenario.answer(person, bot, asked);
    expect(inside.threadRootId).toBe(root);
    expect((await scenario.ask(person, room, bot)).answer.threadRootId).toBeUndefined();
  });

  it("[STR-1] a long answer to a long question arrives whole", async () => {
    const person = await scenario.person(client);
    const room = await scenario.openDm(person, bot, { encrypted: true });
    const asked = question("LONG: 9000");
    await person.send(room, asked.text);
    const last = await scenario.answer(person, bot, asked);
    const text = person.events
      .filter((event) => event.sender === bot.userId && event.roomId === room && event.replacesId === undefined)
      .map((event) => event.body)
      .join("");
    expect(text.match(/lazy dog\./g)?.length).toBe(Math.ceil(9000 / "The quick brown fox jumps over the lazy dog.\n\n".length));
    expect(last.encrypted).toBe(true);
  });
});
