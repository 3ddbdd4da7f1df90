import { afterAll, describe, expect, it } from "vitest";
import { ANSWER_MS, type Bot, HUMAN_CLIENTS, type Human, question, Scenario } from "./scenario.ts";

/** The host's pairing code, in the command that approves it. */
const CODE = /pairing approve matrix ([A-HJ-NP-Z2-9]{8})\b/;

describe("who may talk in direct messages", () => {
  const scenario = new Scenario();
  afterAll(() => scenario.end());

  it.each(HUMAN_CLIENTS)("[ACL-1][ACL-2] allowlist answers the listed sender and leaves an unlisted one without a word (%s)", async (client) => {
    const listed = await scenario.person(client, "listed");
    const unlisted = await scenario.person(client, "unlisted");
    const bot = await scenario.addBot("allowlist", { dm: { policy: "allowlist", allowFrom: [listed.userId] } });
    const closedRoom = await scenario.openDm(unlisted, bot, { encrypted: true });
    const openRoom = await scenario.openDm(listed, bot, { encrypted: true });
    const refused = question();
    await unlisted.send(closedRoom, refused.text);
    await scenario.ask(listed, openRoom, bot);
    await scenario.expectSilence(refused, unlisted, listed);
    expect(unlisted.events.filter((event) => event.sender === bot.userId && event.type === "m.room.message")).toEqual([]);
  });

  it.each(HUMAN_CLIENTS)("[ACL-1] disabled answers nobody in a DM, while rooms work (%s)", async (client) => {
    const person = await scenario.person(client);
    const bot = await scenario.addBot("disabled", { dm: { policy: "disabled" } });
    const dm = await scenario.openDm(person, bot, { encrypted: true });
    const room = await person.createRoom({ encrypted: true, invite: [bot.userId] });
    await person.waitForMember(room, bot.userId);
    const refused = question();
    await person.send(dm, refused.text);
    const asked = question();
    await person.mention(room, bot.userId, asked.text);
    await scenario.answer(person, bot, asked);
    await scenario.expectSilence(refused, person);
  });

  /** The code in the agent's first message in a room. */
  async function codeFor(person: Human, bot: Bot, room: string): Promise<string> {
    const challenge = await person.waitForEvent(
      (event) => event.sender === bot.userId && event.roomId === room && event.type === "m.room.message" && CODE.test(event.body),
      { what: "a pairing code", timeoutMs: ANSWER_MS },
    );
    expect(challenge.encrypted).toBe(true);
    expect((await person.wire(room, challenge.eventId)).type).toBe("m.room.encrypted");
    return CODE.exec(challenge.body)?.[1] as string;
  }

  it.each(HUMAN_CLIENTS)("[PAI-1][PAI-4][PAI-6][ACL-1] pairing sends a code once, the agent hears nothing until it is approved (%s)", async (client) => {
    const person = await scenario.person(client);
    const bot = await scenario.addBot("pairing", { dm: { policy: "pairing" } });
    const room = await scenario.openDm(person, bot, { encrypted: true });
    const first = question("Before the approval.");
    await person.send(room, first.text);
    const code = await codeFor(person, bot, room);
    const second = question("Before the approval, again.");
    await person.send(room, second.text);
    await scenario.expectSilence(first, person);
    await scenario.expectSilence(second, person);
    const codes = person.events.filter((event) => event.sender === bot.userId && event.type === "m.room.message" && CODE.test(event.body));
    expect(codes.map((event) => CODE.exec(event.body)?.[1])).toEqual([code]);

    await scenario.rig.home.run(["pairing", "approve", "matrix", code, "--account", bot.accountId]);
    const { answer } = await scenario.ask(person, room, bot);
    expect(answer.encrypted).toBe(true);
  });
});
