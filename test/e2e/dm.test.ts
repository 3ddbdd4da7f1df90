import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LONG_SENTENCE } from "../support/model/answer.ts";
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

  it("[OUT-3] a long answer arrives whole, in as many messages as it takes", async () => {
    const person = await scenario.person(client);
    const room = await scenario.openDm(person, bot, { encrypted: true });
    const asked = question("LONG: 9000");
    await person.send(room, asked.text);
    const last = await scenario.answer(person, bot, asked);
    // A message that was written while one watched counts with its last edit.
    const mine = person.events.filter((event) => event.sender === bot.userId && event.roomId === room && event.type === "m.room.message");
    const text = mine
      .filter((event) => event.replacesId === undefined)
      .map((event) => mine.findLast((edit) => edit.replacesId === event.eventId)?.newBody ?? event.body)
      .join("");
    expect([...text.matchAll(/Line (\d+): /g)].map((match) => Number(match[1]))).toEqual(Array.from({ length: 9000 / LONG_SENTENCE }, (_, index) => index + 1));
    expect(last.encrypted).toBe(true);
  });

  it("[STR-2][STR-9] an answer that takes its time is written while one watches: one message, edited, at last without the live marker", async () => {
    const bot = await scenario.addBot("partial", { streaming: { mode: "partial" } });
    const person = await scenario.person(client);
    const room = await scenario.openDm(person, bot, { encrypted: true });
    const asked = question("SLOW: 16 250");
    await person.send(room, asked.text);
    const last = await scenario.answer(person, bot, asked);
    const mine = person.events.filter((event) => event.sender === bot.userId && event.roomId === room && event.type === "m.room.message");
    const [first, ...edits] = mine;
    expect(edits.length).toBeGreaterThan(1);
    for (const edit of edits) {
      expect(edit.replacesId).toBe(first?.eventId);
      const wire = await person.wire(room, edit.eventId);
      expect(wire.type).toBe("m.room.encrypted");
      expect(wire.content["m.relates_to"]).toMatchObject({ rel_type: "m.replace", event_id: first?.eventId });
    }
    expect(first?.content).toHaveProperty(["org.matrix.msc4357.live"]);
    expect(last.content["m.new_content"]).not.toHaveProperty(["org.matrix.msc4357.live"]);
    expect(last.content).not.toHaveProperty(["org.matrix.msc4357.live"]);
    for (let part = 1; part <= 16; part++) expect(last.newBody).toContain(`Part ${part}.`);
  });

  it("[STR-1] with streaming off an answer that takes its time is one message, never edited", async () => {
    const bot = await scenario.addBot("whole", { streaming: { mode: "off" } });
    const person = await scenario.person(client);
    const room = await scenario.openDm(person, bot, { encrypted: true });
    const asked = question("SLOW: 8 250");
    await person.send(room, asked.text);
    await scenario.answer(person, bot, asked);
    // An edit would come before the next answer: a room's messages keep their order.
    await scenario.ask(person, room, bot);
    const answers = person.events.filter((event) => event.sender === bot.userId && event.roomId === room && event.type === "m.room.message");
    expect(answers).toHaveLength(2);
    expect(answers.filter((event) => event.replacesId !== undefined)).toEqual([]);
    expect(answers[0]?.body).toContain("Part 8.");
  });
});
