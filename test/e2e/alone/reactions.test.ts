import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Human } from "../../support/humans/index.ts";
import { textOf } from "../../support/model/answer.ts";
import { until } from "../../support/process.ts";
import { useMessageTool } from "../message-tool.ts";
import { ANSWER_MS, type Bot, question, Scenario, type SeenEvent } from "../scenario.ts";

/** The bot's reactions on an event that were not taken back, as the homeserver has them. */
async function marks(person: Human, room: string, eventId: string, sender: string): Promise<string[]> {
  const path = `v1/rooms/${encodeURIComponent(room)}/relations/${encodeURIComponent(eventId)}/m.annotation`;
  const { chunk } = await person.request<{ chunk: { sender: string; content: { "m.relates_to"?: { key?: string } } }[] }>("GET", path);
  return chunk.flatMap((event) => (event.sender === sender && event.content["m.relates_to"]?.key ? [event.content["m.relates_to"].key] : [])).toReversed();
}

function reactionOf(bot: Bot, targetId: string, key: string): (event: SeenEvent) => boolean {
  return (event) => event.sender === bot.userId && event.reaction?.targetId === targetId && event.reaction.key === key;
}

describe("reactions in an encrypted direct message", () => {
  const scenario = new Scenario();
  let bot: Bot;
  let person: Human;
  let room: string;
  beforeAll(async () => {
    bot = await scenario.addBot("react", { ackReaction: "👀", ackReactionScope: "direct" });
    person = await scenario.person("matrix-nio");
    room = await scenario.openDm(person, bot, { encrypted: true });
  });
  afterAll(() => scenario.end());

  /** What the model was told with a question: the whole prompt. */
  async function toldWith(marker: string): Promise<string> {
    const prompts = await scenario.rig.model.prompts(marker);
    return (prompts[0]?.messages ?? []).map(textOf).join("\n");
  }

  it("[ACK-1][ACK-2] a message is acknowledged at once, by the configured emoji", async () => {
    const { eventId, answer } = await scenario.ask(person, room, bot, question("SLOW: 4 500"));
    const ack = await person.waitForEvent(reactionOf(bot, eventId, "👀"), { what: "the acknowledgement" });
    expect(ack.originServerTs).toBeLessThan(answer.originServerTs + 1);
    const asked = person.events.find((event) => event.eventId === eventId);
    expect(ack.originServerTs - (asked?.originServerTs ?? 0)).toBeLessThan(5000);
  });

  it("[REA-1][REA-2][REA-3][ACT-3] the agent reacts to the message it answers, lists reactions and takes its own back", async () => {
    const first = await scenario.ask(person, room, bot);
    await person.react(room, first.eventId, "🎉");
    const { results, eventId } = await useMessageTool(scenario, person, room, bot, [
      { action: "react", emoji: "🎉" },
      { action: "react", emoji: "🎉", messageId: first.eventId },
      { action: "react", emoji: "👍", messageId: first.eventId },
      { action: "reactions", messageId: first.eventId },
      { action: "react", emoji: "👍", remove: true, messageId: first.eventId },
      { action: "react", emoji: "", messageId: first.eventId },
    ]);
    await person.waitForEvent(reactionOf(bot, eventId, "🎉"), { what: "the reaction to the current message" });
    const [, , , listed, one, all] = results.map(({ details }) => details);
    expect(listed?.reactions, JSON.stringify(results)).toEqual(
      expect.arrayContaining([
        { key: "🎉", count: 2, users: expect.arrayContaining([person.userId, bot.userId]) },
        { key: "👍", count: 1, users: [bot.userId] },
      ]),
    );
    expect(one).toMatchObject({ removed: 1, emojis: ["👍"] });
    // The acknowledgement is ours as well.
    expect(all).toMatchObject({ removed: 2 });
    expect(await marks(person, room, first.eventId, bot.userId)).toEqual([]);
    expect(await marks(person, room, first.eventId, person.userId)).toEqual(["🎉"]);
  });

  it("[REA-4][REA-5] a reaction to an answer, its removal and a deleted message are told with the next turn", async () => {
    const { answer, eventId } = await scenario.ask(person, room, bot);
    const reaction = await person.react(room, answer.eventId, "👍");
    // Told once it is in the gateway; the next message comes behind it in the room's order.
    const next = question();
    await scenario.ask(person, room, bot, next);
    expect(await toldWith(next.marker)).toMatch(new RegExp(`Matrix reaction added: 👍 by .* on msg \\${answer.eventId}`));
    await person.redact(room, reaction);
    await person.redact(room, eventId);
    const last = question();
    await scenario.ask(person, room, bot, last);
    const told = await toldWith(last.marker);
    expect(told).toContain(`Matrix reaction removed: 👍 by ${person.userId} on msg ${answer.eventId}`);
    expect(told).toContain(`Matrix message deleted: a message of theirs, msg ${eventId}`);
  });

  it("[SES-12] a later edit starts no answer; with editMode tell the agent hears of it with the next turn", async () => {
    const { eventId } = await scenario.ask(person, room, bot);
    await person.edit(room, eventId, "Nobody needs to know.");
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.editMode = "tell";
    });
    const before = scenario.saidIn(person, bot, room).length;
    await person.edit(room, eventId, "This is what I meant.");
    const next = question();
    await scenario.ask(person, room, bot, next);
    const told = await toldWith(next.marker);
    expect(told).toContain(`Matrix message edited: msg ${eventId} by `);
    expect(told).toContain("now reads: This is what I meant.");
    expect(told).not.toContain("Nobody needs to know.");
    expect(scenario.saidIn(person, bot, room).slice(before)).toEqual([expect.stringContaining(next.marker)]);
  });

  it("[REA-4] with reactionNotifications off nothing is told", async () => {
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.reactionNotifications = "off";
    });
    const { answer } = await scenario.ask(person, room, bot);
    await person.react(room, answer.eventId, "💤");
    const next = question();
    await scenario.ask(person, room, bot, next);
    expect(await toldWith(next.marker)).not.toContain("💤");
  });

  it("[REA-6] with reactionTrigger a reaction to an answer is answered", async () => {
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.reactionTrigger = "own";
    });
    const { answer } = await scenario.ask(person, room, bot);
    await person.react(room, answer.eventId, "🚀");
    const woken = await person.waitForMessage(bot.userId, "The stub model heard", { timeoutMs: ANSWER_MS });
    expect(woken.encrypted).toBe(true);
    const prompts = await scenario.rig.model.prompts();
    const told = prompts.map(({ messages }) => messages.filter(({ role }) => role === "user").map(textOf).slice(-2).join("\n"));
    expect(told).toContainEqual(expect.stringContaining(`reacted with 🚀 to your message ${answer.eventId}`));
  });
});

describe("status reactions", () => {
  const scenario = new Scenario();
  afterAll(async () => {
    scenario.rig.home.patch((config) => {
      delete (config as { messages?: unknown }).messages;
    });
    await scenario.end();
  });

  it("[ACK-4][HST-4] follow the work and end with the sign for done", async () => {
    scenario.rig.home.patch((config) => {
      (config as { messages?: unknown }).messages = { statusReactions: { enabled: true } };
    });
    const bot = await scenario.addBot("status", { ackReaction: "👀", ackReactionScope: "all" });
    const person = await scenario.person("matrix-js-sdk");
    const room = await scenario.openDm(person, bot, { encrypted: true });
    const { eventId } = await scenario.ask(person, room, bot, question("SLOW: 8 500"));
    const shown = () => person.events.filter((event) => event.sender === bot.userId && event.reaction?.targetId === eventId).map((event) => event.reaction?.key);
    await until("the reactions to end with one", 30_000, async () => (await marks(person, room, eventId, bot.userId)).length === 1 && shown().length > 1, 500);
    await pause(1000);
    expect(shown()[0]).toBe("👀");
    expect(await marks(person, room, eventId, bot.userId)).toEqual([shown().at(-1)]);
    expect(new Set(shown()).size).toBeGreaterThan(1);
  });
});
