import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bot, HUMAN_CLIENTS, type Human, question, Scenario } from "./scenario.ts";

/** An event as the homeserver holds it. */
interface WireEvent {
  event_id: string;
  type: string;
  sender: string;
  content: Record<string, unknown>;
}

/** The room as the homeserver holds it, oldest first. */
async function timeline(person: Human, roomId: string): Promise<WireEvent[]> {
  const { chunk } = await person.request<{ chunk: WireEvent[] }>("GET", `v3/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=200`);
  return chunk.toReversed();
}

/** What the agent sent since the room is encrypted, memberships left out. */
async function sentSinceEncrypted(person: Human, roomId: string, bot: Bot): Promise<WireEvent[]> {
  const events = await timeline(person, roomId);
  const since = events.findIndex((event) => event.type === "m.room.encryption");
  expect(since, "the room is encrypted").toBeGreaterThanOrEqual(0);
  return events.slice(since).filter((event) => event.sender === bot.userId && event.type !== "m.room.member");
}

async function say(person: Human, roomId: string, text: string): Promise<string> {
  const path = `v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${randomUUID()}`;
  return (await person.request<{ event_id: string }>("PUT", path, { msgtype: "m.text", body: text })).event_id;
}

describe("an account with `encryption: false` in an encrypted room", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  let person: Human;
  let bot: Bot;
  let room: string;
  beforeAll(async () => {
    person = await scenario.person("matrix-js-sdk");
    bot = await scenario.addBot("clear", { encryption: false });
    room = await scenario.openDm(person, bot, { encrypted: false });
    await scenario.ask(person, room, bot);
    await person.encryptRoom(room);
  });
  afterAll(() => scenario.end());

  /** The sentence that names the key to set. */
  const WAY_OUT = /encrypted.*encryption: true/s;

  it("[OUT-9] answers nothing there, and the log says what to set", async () => {
    const after = (await rig.gateway.log()).length;
    const asked = question("In the clear, into an encrypted room.");
    await say(person, room, asked.text);
    await rig.gateway.waitForLog(new RegExp(`\\[${bot.accountId}\\].*reply in ${room.replace(/[$.*+?^{}()|[\]\\]/g, "\\$&")} was not delivered:.*encryption: true`), { after });
    expect(await sentSinceEncrypted(person, room, bot)).toEqual([]);
  });

  it("[OUT-9] an encrypted message to it is not heard, and the log says what to set", async () => {
    const after = (await rig.gateway.log()).length;
    await person.send(room, question().text);
    await rig.gateway.waitForLog(new RegExp(`${room.replace(/[$.*+?^{}()|[\]\\]/g, "\\$&")}.*encryption: true`), { after });
    expect(await sentSinceEncrypted(person, room, bot)).toEqual([]);
  });

  it("[OUT-9] `openclaw message send` and `openclaw message react` fail with the key to set, and send nothing", { timeout: 480_000 }, async () => {
    const about = await say(person, room, "Something to react to.");
    const where = ["--channel", "matrix", "--account", bot.accountId, "--target", `room:${room}`];
    for (const command of [
      ["message", "send", ...where, "--message", "By command."],
      ["message", "react", ...where, "--message-id", about, "--emoji", "👍"],
    ]) {
      const { code, stdout, stderr } = await rig.home.cli(command);
      expect(code, `${command.join(" ")}\n${stdout}\n${stderr}`).not.toBe(0);
      expect(`${stdout}\n${stderr}`).toMatch(WAY_OUT);
    }
    expect(await sentSinceEncrypted(person, room, bot)).toEqual([]);
  });

  it("[OUT-9] it goes on answering where nothing is encrypted", async () => {
    const open = await scenario.openDm(person, bot, { encrypted: false });
    await scenario.ask(person, open, bot);
  });
});

describe.each(HUMAN_CLIENTS)("an account with `encryption: true` and %s", (client) => {
  const scenario = new Scenario();
  const { rig } = scenario;
  let bot: Bot;
  beforeAll(async () => {
    bot = await scenario.addBot("sealed", { streaming: { mode: "partial" } });
  });
  afterAll(() => scenario.end());

  it("[OUT-9][ENC-9] answers, drafts and commands are encrypted; a reaction is in the clear, as Matrix has it", { timeout: 480_000 }, async () => {
    const person = await scenario.person(client);
    const room = await scenario.openDm(person, bot, { encrypted: true });
    const asked = question("SLOW: 12 250");
    const { eventId } = await scenario.ask(person, room, bot, asked);
    const where = ["--channel", "matrix", "--account", bot.accountId, "--target", `room:${room}`];
    await rig.home.run(["message", "send", ...where, "--message", "By command."]);
    await person.waitForMessage(bot.userId, "By command.");
    await rig.home.run(["message", "react", ...where, "--message-id", eventId, "--emoji", "👍"]);
    await person.waitForEvent((event) => event.sender === bot.userId && event.reaction?.targetId === eventId);
    const sent = await sentSinceEncrypted(person, room, bot);
    const clear = sent.filter((event) => event.type !== "m.room.encrypted");
    // Clients have to match a reaction with its message without any key, so none encrypts it.
    expect(clear.map((event) => event.type)).toEqual(["m.reaction"]);
    expect(sent.length).toBeGreaterThan(3);
    expect(person.undecryptable).toEqual([]);
  });

  it("[OUT-9] encryption that is switched on while an answer is written: it is completed encrypted", async () => {
    const person = await scenario.person(client);
    const room = await scenario.openDm(person, bot, { encrypted: false });
    const asked = question("SLOW: 40 250");
    await person.send(room, asked.text);
    await person.waitForMessage(bot.userId, "Part 3.");
    await person.encryptRoom(room);
    // Nobody's client knows before its sync has told it: from the first encrypted event on nothing is in the clear.
    const last = await scenario.answer(person, bot, asked);
    expect(last.encrypted).toBe(true);
    const sent = (await timeline(person, room)).filter((event) => event.sender === bot.userId && event.type !== "m.room.member");
    const first = sent.findIndex((event) => event.type === "m.room.encrypted");
    expect(first).toBeGreaterThan(0);
    expect(sent.slice(first).filter((event) => event.type !== "m.room.encrypted")).toEqual([]);
    expect(sent.length - first, "encrypted edits").toBeGreaterThan(1);
    const next = await scenario.ask(person, room, bot);
    expect(next.answer.encrypted).toBe(true);
  });
});
