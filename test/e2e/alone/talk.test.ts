import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeRoom, naming, post } from "../plain-rooms.ts";
import { ANSWER_MS, type Bot, type Human, question, Scenario } from "../scenario.ts";

describe("keys of the host for all channels", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  let alice: Human;
  let bot: Bot;
  let dm: string;
  let room: string;
  beforeAll(async () => {
    alice = await scenario.person("matrix-js-sdk", "talkalice");
    bot = await scenario.reserve("talk");
    room = await makeRoom(alice, { name: "Talk", invite: [bot.userId] });
    rig.home.patch((config) => {
      config.messages = { inbound: { byChannel: { matrix: 2000 } }, groupChat: { unmentionedInbound: "room_event", visibleReplies: "message_tool" } };
      config.commands = { config: true, ownerAllowFrom: [`matrix:${alice.userId}`] };
    });
    const groups = { [room]: { requireMention: false } };
    scenario.configure(bot.accountId, scenario.settings({ userId: bot.userId, password: bot.password, groups, ackReaction: "👀", ackReactionScope: "all" }));
    [dm] = await Promise.all([scenario.openDm(alice, bot, { encrypted: true }), alice.waitForMember(room, bot.userId, { timeoutMs: ANSWER_MS })]);
  });
  afterAll(async () => {
    rig.home.patch((config) => {
      delete config.messages;
      delete config.commands;
    });
    await scenario.end();
  });

  it("[HST-2] three messages in a second are one question, answered once", async () => {
    await scenario.ask(alice, dm, bot);
    const asked = [question("One."), question("Two."), question("Three.")];
    for (const { text } of asked) {
      await alice.send(dm, text);
      await pause(200);
    }
    const [first, , last] = asked as [(typeof asked)[0], (typeof asked)[0], (typeof asked)[0]];
    const answer = await scenario.answer(alice, bot, last);
    expect(answer.newBody ?? answer.body).toContain(first.marker);
    expect(await rig.model.prompts(first.marker)).toHaveLength(1);
    const prompt = await scenario.promptOf(first);
    expect(prompt.indexOf(asked[1]?.marker ?? "?")).toBeGreaterThan(prompt.indexOf(first.marker));
  });

  it("[HST-10][MEN-10] the agent hears what nobody asked it, stays silent, and speaks with its message tool; asked, it answers", async () => {
    const seen = alice.events.length;
    const said = () => alice.events.slice(seen).filter((event) => event.roomId === room && event.sender === bot.userId && ["m.room.message", "m.reaction"].includes(event.type));
    const idle = question("Talking among ourselves.");
    await post(alice, room, { body: idle.text });
    await expect.poll(async () => (await rig.model.prompts(idle.marker)).length, { timeout: ANSWER_MS }).toBeGreaterThan(0);
    await pause(3000);
    expect(said().map(({ body }) => body)).toEqual([]);

    const call = question("Somebody should answer this.");
    await rig.model.script(call.marker, { toolCalls: [{ name: "message", arguments: { action: "send", message: `Chiming in, ${call.marker}.` } }] });
    await post(alice, room, { body: call.text });
    await scenario.answer(alice, bot, call);
    expect(said().map(({ body }) => body)).toEqual([`Chiming in, ${call.marker}.`]);

    rig.home.patch((config) => {
      config.messages = { ...(config.messages as object), groupChat: { unmentionedInbound: "room_event" } };
    });
    await pause(2000);
    const asked = question();
    await post(alice, room, naming(bot.userId, asked.text));
    await scenario.answer(alice, bot, asked);
  });

  it("[WIZ-12] an owner changes the configuration from the chat, unless configWrites forbids it", async () => {
    const answerTo = async (command: string, reply: RegExp) => {
      const after = alice.events.length;
      await alice.send(dm, command);
      await alice.waitForEvent((event) => alice.events.indexOf(event) >= after && event.roomId === dm && event.sender === bot.userId && reply.test(event.body), { what: `${reply} to ${command}`, timeoutMs: ANSWER_MS });
    };
    await answerTo('/config set messages.responsePrefix="[bot]"', /responsePrefix/);
    expect(rig.home.readConfig().messages).toMatchObject({ responsePrefix: "[bot]" });
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.configWrites = false;
    });
    await answerTo('/config set messages.responsePrefix="[other]"', new RegExp(`Config writes are disabled.*channels\\.matrix\\.accounts\\.${bot.accountId}\\.configWrites=true`));
    expect(rig.home.readConfig().messages).toMatchObject({ responsePrefix: "[bot]" });
  });
});
