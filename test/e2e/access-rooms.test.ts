import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExplainReport } from "../../ts/operations/explain.ts";
import { until } from "../support/process.ts";
import { makeRoom, naming, post } from "./plain-rooms.ts";
import { ANSWER_MS, type Bot, type Human, question, Scenario } from "./scenario.ts";

describe("who may talk in rooms, rule by rule", () => {
  const scenario = new Scenario();
  let alice: Human;
  let mallory: Human;
  let bot: Bot;
  const rooms: Record<string, string> = {};
  const names = ["v11", "v12", "aliased", "unlisted", "disabled", "private", "tools"];
  let alias: string;

  beforeAll(async () => {
    [alice, mallory] = await Promise.all([scenario.person("matrix-js-sdk", "roomalice"), scenario.person("matrix-js-sdk", "roommallory")]);
    const local = `team-${crypto.randomUUID()}`;
    alias = `#${local}:${scenario.rig.homeserver.serverName}`;
    bot = await scenario.reserve("rules");
    await Promise.all(
      names.map(async (name) => {
        const body = name === "v12" ? { room_version: "12" } : name === "aliased" ? { room_alias_name: local } : { room_version: "11" };
        rooms[name] = await makeRoom(alice, { name, ...body, invite: [bot.userId] });
        await mallory.join(rooms[name]);
      }),
    );
    expect(rooms.v12).not.toContain(":");
    scenario.configure(
      bot.accountId,
      scenario.settings({
        userId: bot.userId,
        password: bot.password,
        groupPolicy: "allowlist",
        groupAllowFrom: [mallory.userId],
        groups: {
          [`matrix:room:${rooms.v11}`]: {},
          [rooms.v12 as string]: {},
          [alias]: {},
          [rooms.disabled as string]: { enabled: false },
          [rooms.private as string]: { users: [alice.userId] },
          [rooms.tools as string]: { users: [alice.userId], tools: { deny: ["exec"] }, systemPrompt: "In this room the password is swordfish." },
        },
      }),
    );
    await Promise.all(names.map((name) => alice.waitForMember(rooms[name] as string, bot.userId, { timeoutMs: ANSWER_MS })));
  });
  afterAll(() => scenario.end());

  function explain(room: string, user: string, account: Bot = bot): Promise<ExplainReport> {
    return scenario.call<ExplainReport>("matrix.explain", { accountId: account.accountId, room, user });
  }

  function dropped(room: string, user: string, account: Bot = bot): Promise<ExplainReport["drops"][number]> {
    return until(`a dropped message in ${room}`, ANSWER_MS, async () => (await explain(room, user, account)).drops.find(({ reason }) => reason !== "configured_bot" && reason !== "own_message"), 500);
  }

  async function mention(person: Human, room: string, account: Bot = bot) {
    const asked = question();
    await post(person, room, naming(account.userId, asked.text));
    return asked;
  }

  it("[ACL-4][ACL-7] allowlist: rooms are listed by id of either form, with a target's prefix, and by an alias; others are not heard", async () => {
    const refused = await mention(mallory, rooms.unlisted as string);
    for (const name of ["v11", "v12", "aliased"]) {
      const asked = await mention(mallory, rooms[name] as string);
      expect((await scenario.answer(mallory, bot, asked)).roomId, name).toBe(rooms[name]);
    }
    expect(await dropped(rooms.unlisted as string, mallory.userId)).toMatchObject({ reason: "room_not_listed", fix: expect.stringContaining(rooms.unlisted as string) });
    await scenario.expectSilence(refused, mallory);
    expect((await explain(rooms.aliased as string, mallory.userId)).room.entry).toBe(alias);
    expect((await explain(alias, mallory.userId)).room.roomId).toBe(rooms.aliased);
  });

  it("[ACL-6] a room's users replace groupAllowFrom", async () => {
    const refused = await mention(mallory, rooms.private as string);
    await scenario.answer(alice, bot, await mention(alice, rooms.private as string));
    expect((await dropped(rooms.private as string, mallory.userId)).reason).toBe("room_sender_not_allowed");
    await scenario.expectSilence(refused, mallory);
  });

  it("[ACL-13][MEN-6] a command of somebody unlisted is not run; a listed sender's is, after the bot's name, without the model", async () => {
    const room = rooms.private as string;
    const before = (await scenario.rig.model.prompts()).length;
    const seenBefore = mallory.events.length;
    await post(mallory, room, naming(bot.userId, "/reset"));
    const status = await post(alice, room, { body: `${bot.userId} /status` });
    await alice.waitForEvent((event) => event.roomId === room && event.sender === bot.userId && event.body.includes("stub-1"), { what: "the answer to /status", timeoutMs: ANSWER_MS });
    const pill = `${bot.userId}: /status`;
    await post(alice, room, { body: pill, format: "org.matrix.custom.html", formatted_body: `<a href="https://matrix.to/#/${bot.userId}">Bot</a>: /status` });
    await until("the second answer to /status", ANSWER_MS, () => alice.events.filter((event) => event.roomId === room && event.sender === bot.userId && event.body.includes("stub-1")).length === 2);
    expect(status).toMatch(/^\$/);
    const prompts = (await scenario.rig.model.prompts()).slice(before);
    expect(prompts.filter((prompt) => JSON.stringify(prompt.messages).includes("/status"))).toEqual([]);
    const toMallory = mallory.events.slice(seenBefore).filter((event) => event.roomId === room && event.sender === bot.userId && event.type === "m.room.message");
    expect(toMallory.filter((event) => !event.body.includes("stub-1")), "answers other than the two status texts").toEqual([]);
    expect((await explain(room, mallory.userId)).drops.map((drop) => drop.reason)).toContain("room_sender_not_allowed");
  });

  it("[ACL-14] a room's tools and system prompt are the agent's there, and only there", async () => {
    const asked = await mention(alice, rooms.tools as string);
    await scenario.answer(alice, bot, asked);
    const here = await scenario.frameOf(asked);
    const other = await mention(alice, rooms.private as string);
    await scenario.answer(alice, bot, other);
    const there = await scenario.frameOf(other);
    expect(here.system).toContain("the password is swordfish");
    expect(there.system).not.toContain("swordfish");
    expect(there.tools).toContain("exec");
    expect(here.tools).not.toContain("exec");
    expect(here.tools.length).toBeGreaterThan(0);
  });

  it("[ACL-8][ACL-12] enabled false silences a listed room until it is true, without a restart", async () => {
    const room = rooms.disabled as string;
    const refused = await mention(mallory, room);
    expect((await dropped(room, mallory.userId)).reason).toBe("room_disabled");
    await scenario.expectSilence(refused, mallory);
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.groups = { ...(settings.groups as object), [room]: { enabled: true } };
    });
    await scenario.answer(mallory, bot, await mention(mallory, room));
  });

  it("[ACL-4][ACL-9] open answers in rooms nobody listed, disabled in none; `rooms` is `groups`", async () => {
    const legacyRoom = await makeRoom(alice, { name: "legacy" });
    const [open, closed, legacy] = await Promise.all([
      scenario.addBot("openrooms", { groupPolicy: "open" }),
      scenario.addBot("norooms", { groupPolicy: "disabled", groups: { [rooms.unlisted as string]: {} } }),
      scenario.addBot("legacy", { groupPolicy: "allowlist", rooms: { [legacyRoom]: { requireMention: false } } }),
    ]);
    const shared = rooms.unlisted as string;
    for (const one of [open, closed]) await alice.invite(shared, one.userId);
    await alice.invite(legacyRoom, legacy.userId);
    await Promise.all([...[open, closed].map((one) => alice.waitForMember(shared, one.userId, { timeoutMs: ANSWER_MS })), alice.waitForMember(legacyRoom, legacy.userId, { timeoutMs: ANSWER_MS })]);
    const refused = await mention(mallory, shared, closed);
    await scenario.answer(mallory, open, await mention(mallory, shared, open));
    expect((await dropped(shared, mallory.userId, closed)).reason).toBe("rooms_disabled");
    await scenario.expectSilence(refused, mallory);
    const unmentioned = question();
    await post(alice, legacyRoom, { body: unmentioned.text });
    expect((await scenario.answer(alice, legacy, unmentioned)).roomId).toBe(legacyRoom);
  });
});
