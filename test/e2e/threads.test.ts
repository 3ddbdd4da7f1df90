import { afterAll, describe, expect, it } from "vitest";
import { question, Scenario } from "./scenario.ts";

describe("threadReplies", () => {
  const scenario = new Scenario();
  afterAll(() => scenario.end());

  it("[THR-1] `always` answers in a thread rooted at the message", async () => {
    const bot = await scenario.addBot("always", { threadReplies: "always" });
    const person = await scenario.person("matrix-js-sdk");
    const room = await person.createRoom({ encrypted: true, invite: [bot.userId] });
    await person.waitForMember(room, bot.userId);
    const asked = question();
    const root = await person.mention(room, bot.userId, asked.text);
    expect((await scenario.answer(person, bot, asked)).threadRootId).toBe(root);
  });

  it("[THR-1] `off` answers a message in a thread outside of it", async () => {
    const bot = await scenario.addBot("off", { threadReplies: "off" });
    const person = await scenario.person("matrix-nio");
    const room = await person.createRoom({ encrypted: true, invite: [bot.userId] });
    await person.waitForMember(room, bot.userId);
    const root = await person.send(room, "The root, said to nobody.");
    const asked = question();
    await person.mention(room, bot.userId, asked.text, root);
    expect((await scenario.answer(person, bot, asked)).threadRootId).toBeUndefined();
  });
});
