import { afterAll, describe, expect, it } from "vitest";
import { setTimeout as pause } from "node:timers/promises";
import { LONG_SENTENCE } from "../../support/model/answer.ts";
import { type Bot, type Human, question, Scenario, type SeenEvent } from "../scenario.ts";

/** Time for three failures; the host does not try again what the model refuses as malformed, as it does for a minute and a half with a 500. */
const GIVEN_UP_MS = 600_000;

interface DeadLetters {
  deadLetters: { id: number; roomId: string; sender: string; cause: string; failures: number; eventId: string }[];
}

interface Outbox {
  messages: { id: number; roomId: string; state: string; parts: number; sent: number; error: string | null }[];
}

describe("the queues", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  afterAll(() => scenario.end());

  const matrix = <T>(bot: Bot, ...words: string[]): Promise<T> => scenario.matrix<T>(bot, words);
  /** By the host's command line itself. */
  const typed = async <T>(bot: Bot, ...words: string[]): Promise<T> =>
    JSON.parse(await rig.home.run(["matrix", ...words, "--account", bot.accountId, "--json"])) as T;

  /** Polls a command until its answer fits. */
  async function until<T>(bot: Bot, words: string[], fits: (answer: T) => boolean, timeoutMs: number): Promise<T> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const answer = await matrix<T>(bot, ...words);
      if (fits(answer)) return answer;
      if (Date.now() > deadline) throw new Error(`\`${words.join(" ")}\` still says ${JSON.stringify(answer)}`);
      await pause(1000);
    }
  }

  /** The messages of the bot in a room, edits left out, in the order the homeserver has them: a client may decrypt them in another. */
  async function said(person: Human, bot: Bot, roomId: string): Promise<SeenEvent[]> {
    const { chunk } = await person.request<{ chunk: { event_id: string }[] }>("GET", `v3/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=1000`);
    const place = new Map(chunk.toReversed().map(({ event_id }, index) => [event_id, index]));
    const seen = person.events.filter((event) => event.roomId === roomId && event.sender === bot.userId && event.type === "m.room.message" && !event.replacesId);
    return seen.toSorted((one, other) => (place.get(one.eventId) ?? 0) - (place.get(other.eventId) ?? 0));
  }

  /** The numbers of the `LONG:` answer's lines that stand in these messages. */
  function lineNumbers(messages: SeenEvent[]): number[] {
    return messages.flatMap(({ body }) => [...body.matchAll(/Line (\d+):/g)].map((match) => Number(match[1])));
  }

  const counted = (characters: number) => Array.from({ length: Math.ceil(characters / LONG_SENTENCE) }, (_, index) => index + 1);

  it("[HST-3] a turn whose model fails three times is a dead letter with its cause; resubmitted it is answered once", { timeout: 900_000 }, async () => {
    const person = await scenario.person("matrix-nio");
    const bot = await scenario.addBot("deadletter", { streaming: { mode: "off" } });
    const room = await scenario.openDm(person, bot, { encrypted: true });
    await scenario.ask(person, room, bot);

    const asked = question("This one fails.");
    // More failures than the host itself makes tries in three turns.
    await rig.model.script(asked.marker, ...Array.from({ length: 100 }, () => ({ failWith: 400 })));
    const eventId = await person.send(room, asked.text);
    const { deadLetters } = await until<DeadLetters>(bot, ["dead-letters", "list"], (answer) => answer.deadLetters.length > 0, GIVEN_UP_MS);
    expect(deadLetters).toMatchObject([{ roomId: room, sender: person.userId, eventId, failures: 3 }]);
    const [letter] = deadLetters;
    expect(letter?.cause).not.toBe("");
    expect(JSON.stringify(deadLetters)).not.toContain(asked.marker);
    expect(await matrix(bot, "dead-letters", "show", String(letter?.id))).toMatchObject({ text: asked.text });
    expect(await rig.home.run(["channels", "status", "--probe"])).toContain("openclaw matrix dead-letters list");

    await rig.model.script(asked.marker);
    expect(await typed(bot, "dead-letters", "resubmit", String(letter?.id))).toEqual({ done: [letter?.id], unknown: [] });
    await scenario.answer(person, bot, asked);
    // What comes after it in the room is answered after it: a second answer would be here.
    const next = question("And this one.");
    await scenario.ask(person, room, bot, next);
    expect(scenario.answersOf(person, bot, asked).filter(({ body }) => body.includes(`Answer to ${asked.marker}`))).toHaveLength(1);
    expect(await matrix(bot, "dead-letters", "list")).toEqual({ deadLetters: [] });
  });

  it("[OUT-6] a long answer and one that is sent meanwhile do not mix", { timeout: 300_000 }, async () => {
    const person = await scenario.person("matrix-js-sdk");
    const bot = await scenario.addBot("order", { streaming: { mode: "off" }, textChunkLimit: 300 });
    const room = await scenario.openDm(person, bot, { encrypted: true });
    await scenario.ask(person, room, bot);
    const before = (await said(person, bot, room)).length;
    const long = question("LONG: 12000");
    await person.send(room, long.text);
    await person.waitForMessage(bot.userId, "Line 1:", { timeoutMs: 90_000 });
    // The homeserver holds its breath, so that the second message comes while the first is half sent.
    await rig.homeserverProcess.freeze();
    let second: Promise<unknown>;
    try {
      second = rig.home.cli(["message", "send", "--channel", "matrix", "--account", bot.accountId, "--target", `room:${room}`, "--message", "in between"]);
      const { messages } = await until<Outbox>(bot, ["outbox", "list"], (answer) => answer.messages.length === 2, 90_000);
      expect(messages[0]?.sent).toBeLessThan(messages[0]?.parts ?? 0);
    } finally {
      await rig.homeserverProcess.thaw();
    }
    await scenario.answer(person, bot, long);
    await second;
    await person.waitForMessage(bot.userId, "in between");
    const bodies = (await said(person, bot, room)).slice(before);
    expect(lineNumbers(bodies)).toEqual(counted(12_000));
    expect(bodies.findIndex(({ body }) => body === "in between")).toBe(bodies.length - 1);
  });

  it("[OUT-7] kill -9 amid a long answer: complete, in order, nothing twice; the outbox is seen and handled with and without a gateway", { timeout: 600_000 }, async () => {
    const person = await scenario.person("matrix-nio");
    const bot = await scenario.addBot("cut", { streaming: { mode: "off" }, textChunkLimit: 300 });
    const room = await scenario.openDm(person, bot, { encrypted: true });
    await scenario.ask(person, room, bot);
    const before = (await said(person, bot, room)).length;
    const long = question("LONG: 24000");
    await person.send(room, long.text);
    await person.waitForMessage(bot.userId, "Line 1:", { timeoutMs: 90_000 });
    await rig.gateway.kill();

    const { messages } = await matrix<Outbox>(bot, "outbox", "list");
    expect(messages).toMatchObject([{ roomId: room, state: "queued" }]);
    const [cut] = messages;
    expect(cut?.sent).toBeLessThan(cut?.parts ?? 0);
    expect(await typed(bot, "outbox", "retry", String(cut?.id))).toEqual({ done: [cut?.id], unknown: [] });
    expect(await matrix(bot, "dead-letters", "list")).toEqual({ deadLetters: [] });

    await rig.gateway.start();
    await scenario.answer(person, bot, long);
    expect(lineNumbers((await said(person, bot, room)).slice(before))).toEqual(counted(24_000));
    await until<Outbox>(bot, ["outbox", "list"], (answer) => answer.messages.length === 0, 60_000);

    // A homeserver that is away: what waits is seen, and dropped through the gateway.
    await rig.homeserverProcess.stop();
    try {
      const late = rig.home.cli(["message", "send", "--channel", "matrix", "--account", bot.accountId, "--target", `room:${room}`, "--message", "never sent"]);
      const waiting = await until<Outbox>(bot, ["outbox", "list"], (answer) => answer.messages[0]?.error !== null && answer.messages.length === 1, 60_000);
      const id = waiting.messages[0]?.id;
      expect(waiting.messages[0]).toMatchObject({ roomId: room, parts: 1, sent: 0 });
      expect(await matrix(bot, "outbox", "drop", String(id))).toEqual({ done: [id], unknown: [] });
      expect(await matrix(bot, "outbox", "list")).toEqual({ messages: [] });
      await late;
    } finally {
      await rig.homeserverProcess.resume();
    }
    await scenario.ask(person, room, bot);
    expect((await said(person, bot, room)).some(({ body }) => body === "never sent")).toBe(false);
  });

  it("[HIS-4] what was said while away beyond catchUp.maxEvents is told: in the log with its key, to the agent with the next turn", { timeout: 600_000 }, async () => {
    const person = await scenario.person("matrix-nio");
    const bot = await scenario.addBot("away", { streaming: { mode: "off" }, catchUp: { maxEvents: 5 } });
    const room = await person.createRoom({ encrypted: true, invite: [bot.userId] });
    await person.waitForMember(room, bot.userId, { timeoutMs: 90_000 });
    const first = question();
    await person.mention(room, bot.userId, first.text);
    await scenario.answer(person, bot, first);
    await rig.gateway.stop();
    // More than one sync shows; nobody is asked.
    for (let index = 0; index < 60; index++) await person.send(room, `Talk ${index}.`);
    await rig.gateway.start();
    await rig.gateway.waitForLog(new RegExp(`\\[${bot.accountId}\\] at least \\d+ message\\(s\\).* were skipped .*catchUp\\.maxEvents`), { timeoutMs: 90_000 });
    const next = question("What did we say?");
    await person.mention(room, bot.userId, next.text);
    await scenario.answer(person, bot, next);
    const [prompt] = await rig.model.prompts(next.marker);
    // The host may put words of its own behind the person's.
    expect(JSON.stringify(prompt?.messages)).toContain("while you were away, at least");
  });
});
