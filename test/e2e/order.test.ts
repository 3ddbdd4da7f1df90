import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ANSWER_MS, type Bot, HUMAN_CLIENTS, question, Scenario } from "./scenario.ts";

describe.each(HUMAN_CLIENTS)("order with %s", (client) => {
  const scenario = new Scenario();
  let bot: Bot;
  beforeAll(async () => {
    bot = await scenario.addBot("order");
  });
  afterAll(() => scenario.end());

  it("[OUT-6] questions in several rooms at once are answered in order within each", { timeout: 480_000 }, async () => {
    const person = await scenario.person(client);
    const rooms: string[] = [];
    for (let index = 0; index < 3; index++) {
      const room = await person.createRoom({ encrypted: index > 0, invite: [bot.userId] });
      await person.waitForMember(room, bot.userId, { timeoutMs: ANSWER_MS });
      rooms.push(room);
    }
    const asked = rooms.map((room) => ({ room, questions: ["LONG: 6000", "And a short one.", "LONG: 5000", "The last."].map((text) => question(text)) }));
    // Every room at once; within a room one after another, without waiting for answers.
    await Promise.all(
      asked.map(async ({ room, questions }) => {
        for (const one of questions) await person.mention(room, bot.userId, one.text);
      }),
    );
    for (const { questions } of asked) for (const one of questions) await scenario.answer(person, bot, one);
    for (const { room, questions } of asked) {
      scenario.expectOnceInOrder(person, bot, room, questions);
      // The lines of a long answer count from one; nothing of another answer lies between them.
      const lines = scenario.saidIn(person, bot, room).flatMap((text) => [...text.matchAll(/Line (\d+): /g)].map((match) => Number(match[1])));
      for (const [index, line] of lines.entries()) expect(line === 1 || line === (lines[index - 1] ?? 0) + 1, `line ${line} after ${lines[index - 1]}`).toBe(true);
    }
  });

  it("[OUT-6] a slow answer holds up neither another room nor its own room's threads", async () => {
    const person = await scenario.person(client);
    const slowRoom = await person.createRoom({ encrypted: true, invite: [bot.userId] });
    const quickRoom = await scenario.openDm(person, bot, { encrypted: true });
    await person.waitForMember(slowRoom, bot.userId, { timeoutMs: ANSWER_MS });
    // A first turn of a session takes its time; what is measured comes after it.
    const root = await person.mention(slowRoom, bot.userId, question("The root.").text);
    await scenario.ask(person, quickRoom, bot);
    const warm = question("In the thread.");
    await person.mention(slowRoom, bot.userId, warm.text, root);
    await scenario.answer(person, bot, warm);

    const slow = question("SLOW: 120 250");
    await person.mention(slowRoom, bot.userId, slow.text);
    const elsewhere = question("Elsewhere.");
    await person.send(quickRoom, elsewhere.text);
    const inThread = question("In the thread again.");
    await person.mention(slowRoom, bot.userId, inThread.text, root);
    expect((await scenario.answer(person, bot, elsewhere)).roomId).toBe(quickRoom);
    expect((await scenario.answer(person, bot, inThread)).threadRootId).toBe(root);
    expect(scenario.answersOf(person, bot, slow), "the slow answer is not there yet").toEqual([]);
    expect((await scenario.answer(person, bot, slow)).threadRootId).toBeUndefined();
  });
});
