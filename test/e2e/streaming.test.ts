import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Human, SeenEvent } from "../support/humans/index.ts";
import type { Answer } from "../support/model/answer.ts";
import { until } from "../support/process.ts";
import { type Bot, question, Scenario } from "./scenario.ts";

const FINALIZED = "com.openclaw.finalized_preview";

/** Each mode in an account of its own, each asked in its DM; the turns run side by side. */
describe("answers while they are made", () => {
  const scenario = new Scenario();
  const places = new Map<string, { bot: Bot; room: string }>();
  let person: Human;
  const modes = {
    quiet: { mode: "quiet" },
    progress: { mode: "progress", progress: { label: "On it", toolProgress: true, maxLines: 3 } },
    lines: { mode: "partial" },
    hidden: { mode: "partial", preview: { toolProgress: false } },
    blocks: { mode: "off", block: { enabled: true, coalesce: { minChars: 100, maxChars: 1200, idleMs: 100 } } },
    both: { mode: "partial", block: { enabled: true, coalesce: { minChars: 100, maxChars: 1200, idleMs: 100 } } },
  };
  beforeAll(async () => {
    person = await scenario.person("matrix-js-sdk");
    const bots = await Promise.all(Object.entries(modes).map(async ([name, streaming]) => ({ name, bot: await scenario.addBot(name, { streaming }) })));
    for (const { name, bot } of bots) places.set(name, { bot, room: await scenario.openDm(person, bot, { encrypted: name !== "quiet" }) });
  });
  afterAll(() => scenario.end());

  /** One turn: what was sent in it, in order, and the finished answer. */
  async function turn(name: keyof typeof modes, script: (marker: string) => Answer[]): Promise<{ said: SeenEvent[]; answer: SeenEvent; marker: string; bot: Bot; room: string }> {
    const { bot, room } = places.get(name) as { bot: Bot; room: string };
    const asked = question();
    await scenario.rig.model.script(asked.marker, ...script(asked.marker));
    const { answer } = await scenario.ask(person, room, bot, asked);
    const said = person.events.filter((event) => event.sender === bot.userId && event.roomId === room && event.type === "m.room.message");
    // In the homeserver's order: a client decrypts in any.
    said.sort((a, b) => a.originServerTs - b.originServerTs);
    return { said, answer, marker: asked.marker, bot, room };
  }

  /** Messages with their last edit, in the order in which they were begun. */
  const texts = (said: readonly SeenEvent[]) =>
    said.filter(({ replacesId }) => replacesId === undefined).map(({ eventId, body }) => said.findLast((edit) => edit.replacesId === eventId)?.newBody ?? body);

  /** Text as it grows over some seconds. */
  const slow = (...texts: string[]): Answer => ({ pieces: texts.map((text) => ({ text, delayMs: 1300 })) });
  /** A tool, then an answer that takes its time. */
  const working = (marker: string): Answer[] => [{ toolCalls: [{ name: "session_status", arguments: {} }] }, { pieces: [{ text: "Well, ", delayMs: 3500 }, { text: `done: ${marker}.`, delayMs: 1500 }] }];

  it("[STR-3][PSH-1] quiet: a notice is edited, and the last edit alone rings by its mark", async () => {
    const { bot, room } = places.get("quiet") as { bot: Bot; room: string };
    await person.request("PUT", `v3/pushrules/global/override/finished-${bot.accountId}`, {
      conditions: [
        { kind: "event_match", key: "type", pattern: "m.room.message" },
        { kind: "event_property_is", key: "content.m\\.relates_to.rel_type", value: "m.replace" },
        { kind: "event_property_is", key: "content.com\\.openclaw\\.finalized_preview", value: true },
        { kind: "event_match", key: "sender", pattern: bot.userId },
      ],
      actions: ["notify", { set_tweak: "sound", value: "default" }],
    });
    const { said, answer } = await turn("quiet", (marker) => [slow("One. ", "Two. ", "Three. ", `Done ${marker}.`)]);
    const [first, ...edits] = said;
    expect(first?.content.msgtype).toBe("m.notice");
    expect(edits.length).toBeGreaterThan(1);
    expect(edits.every((edit) => edit.replacesId === first?.eventId)).toBe(true);
    expect(answer.content[FINALIZED]).toBe(true);
    expect(said.filter((event) => FINALIZED in event.content)).toEqual([answer]);
    const rung = await until("the notification", 30_000, async () => {
      const { notifications } = await person.request<{ notifications: { room_id: string; event: { event_id: string; sender: string } }[] }>("GET", "v3/notifications?limit=50");
      const ofRoom = notifications.filter(({ room_id: id, event }) => id === room && event.sender === bot.userId);
      return ofRoom.length > 0 && ofRoom;
    });
    expect(rung.map(({ event }) => event.event_id)).toEqual([answer.eventId]);
  });

  it("[STR-4] progress: a draft says what is done, and becomes the answer", async () => {
    const { said, answer, marker } = await turn("progress", working);
    const [first, ...edits] = said;
    expect(first?.body).toContain("On it");
    const shown = [first?.body, ...edits.slice(0, -1).map((edit) => edit.newBody)].join("\n");
    expect(shown).toMatch(/status/i);
    expect(shown).not.toContain("Well");
    expect(answer.replacesId).toBe(first?.eventId);
    expect(answer.newBody).toBe(`Well, done: ${marker}.`);
    expect(answer.content[FINALIZED]).toBe(true);
  });

  it("[STR-6] partial shows what tool runs until the answer begins, unless that is switched off", async () => {
    const [lines, hidden] = await Promise.all([turn("lines", working), turn("hidden", working)]);
    const first = lines.said[0]?.body ?? "";
    expect(first).toMatch(/status/i);
    expect(first).not.toContain("Well");
    expect(lines.answer.newBody).toBe(`Well, done: ${lines.marker}.`);
    for (const { body, newBody } of hidden.said) expect(newBody ?? body).toMatch(/^Well,/);
  });

  it("[STR-5] block streaming: each finished part of an answer is a message, drafted or not", async () => {
    // The host begins a new part at a paragraph once there are 800 characters.
    const part = (number: number) => `Part ${number}. ${`This is sentence of part ${number}. `.repeat(32)}`.trim();
    const parts = [part(1), part(2), part(3)];
    const script = (marker: string): Answer[] => [slow(`${parts[0]}\n\n`, `${parts[1]}\n\n`, `${parts[2]}\n\n${marker}`)];
    const [plain, drafted] = await Promise.all([turn("blocks", script), turn("both", script)]);
    const begins = (texts: string[]) => texts.map((text) => text.trim().slice(0, 7));
    expect(plain.said.filter((event) => event.replacesId !== undefined)).toEqual([]);
    const whole = texts(plain.said);
    expect(begins(whole)).toEqual(["Part 1.", "Part 2.", "Part 3."]);
    expect(whole.join("\n\n").trim()).toBe([...parts, plain.marker].join("\n\n"));
    // The same, and no word twice: a draft goes on behind the parts that are out.
    const said = texts(drafted.said);
    expect(drafted.said.some((event) => event.replacesId !== undefined)).toBe(true);
    expect(said.map((text) => text.trim()).join("\n\n")).toBe([...parts, drafted.marker].join("\n\n"));
  });

  it("[STR-7] an answer that calls somebody is a message of its own, and the draft goes", async () => {
    const { answer, bot, room } = await turn("lines", (marker) => [slow("I will ", "ask ", `${person.userId}, ${marker}.`)]);
    expect(answer.replacesId).toBeUndefined();
    expect(answer.content["m.mentions"]).toEqual({ user_ids: [person.userId] });
    const draft = person.events.findLast((event) => event.sender === bot.userId && event.roomId === room && event.type === "m.room.message" && event.replacesId === undefined && event.eventId !== answer.eventId);
    expect(draft?.body).toContain("I will");
    await until("the draft to go", 30_000, async () => Object.keys((await person.wire(room, draft?.eventId as string)).content).length === 0);
  });
});
