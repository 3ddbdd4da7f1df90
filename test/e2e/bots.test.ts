import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Credentials } from "../homeserver/users.ts";
import { request } from "../homeserver/users.ts";
import { until } from "../support/process.ts";
import type { ExplainReport } from "../../ts/operations/explain.ts";
import { makeRoom, naming, post } from "./plain-rooms.ts";
import { ANSWER_MS, type Bot, type Human, question, Scenario } from "./scenario.ts";

describe("bots among themselves", () => {
  const scenario = new Scenario();
  let alice: Human;
  let one: Bot;
  let two: Bot;
  let room: string;

  beforeAll(async () => {
    alice = await scenario.person("matrix-js-sdk", "botalice");
    // The first answers who mentions it, people only; the second hears everything that it may.
    [one, two] = await Promise.all([scenario.addBot("first"), scenario.addBot("second", { groups: { "*": { requireMention: false } } })]);
    room = await makeRoom(alice, { name: "Bots", invite: [one.userId, two.userId] });
    await Promise.all([one, two].map((bot) => alice.waitForMember(room, bot.userId, { timeoutMs: ANSWER_MS })));
  });
  afterAll(() => scenario.end());

  /** Another device of an account's user. */
  function device(bot: Bot): Promise<Credentials> {
    return scenario.rig.homeserver.login(bot.userId, bot.password, "another device");
  }

  function speaker(credentials: Credentials): Pick<Human, "request"> {
    return { request: (method, path, body) => request(credentials.homeserver, method, path, { token: credentials.accessToken, body }) };
  }

  function reasons(bot: Bot, user: string): Promise<string[]> {
    return scenario.call<ExplainReport>("matrix.explain", { accountId: bot.accountId, room, user }).then(({ drops }) => drops.map((drop) => drop.reason));
  }

  function reason(bot: Bot, user: string, wanted: string): Promise<true> {
    return until(`${bot.accountId} to drop a message (${wanted})`, ANSWER_MS, async () => (await reasons(bot, user)).includes(wanted) || undefined, 500);
  }

  it("[BOT-1][BOT-4][ACC-8] an account answers neither another account of this gateway nor its own user's other device", async () => {
    const first = speaker(await device(one));
    const own = speaker(await device(two));
    const [other, mine] = [question("From a bot."), question("From myself.")];
    await post(first, room, naming(two.userId, other.text));
    await post(own, room, naming(two.userId, mine.text));
    await reason(two, one.userId, "configured_bot");
    await reason(two, two.userId, "own_message");
    const asked = question("From a person.");
    await post(alice, room, { body: asked.text });
    await scenario.answer(alice, two, asked);
    await scenario.expectSilence(other, alice);
    await scenario.expectSilence(mine, alice);
  });

  it("[BOT-2] allowBots mentions: a bot that names it visibly, in a room; true: any; the room's word before the account's", async () => {
    const first = speaker(await device(one));
    await scenario.reconfigure(two.accountId, (settings) => {
      settings.allowBots = "mentions";
    });
    const [unnamed, hidden, named] = [question("Unnamed."), question("Hidden."), question("Named.")];
    await post(first, room, { body: unnamed.text });
    await post(first, room, { body: hidden.text, "m.mentions": { user_ids: [two.userId] } });
    await post(first, room, naming(two.userId, named.text));
    await scenario.answer(alice, two, named);
    await scenario.expectSilence(unnamed, alice);
    await scenario.expectSilence(hidden, alice);
    await scenario.reconfigure(two.accountId, (settings) => {
      settings.allowBots = false;
      settings.groups = { "*": { requireMention: false }, [room]: { requireMention: false, allowBots: true } };
    });
    const any = question("Unnamed, and allowed in this room.");
    await post(first, room, { body: any.text });
    await scenario.answer(alice, two, any);
  });

  it("[BOT-5] a notice is not answered, even if it mentions the bot, until respondToNotices says so", async () => {
    const refused = question("A notice.");
    await post(alice, room, { ...naming(two.userId, refused.text), msgtype: "m.notice" });
    await reason(two, alice.userId, "notice");
    await scenario.expectSilence(refused, alice);
    await scenario.reconfigure(two.accountId, (settings) => {
      settings.respondToNotices = true;
    });
    const asked = question("Another notice.");
    await post(alice, room, { ...naming(two.userId, asked.text), msgtype: "m.notice" });
    await scenario.answer(alice, two, asked);
  });

  it("[BOT-6] whom the account's user ignores is not answered and joins it to nothing", async () => {
    const own = await device(two);
    const ignored = await scenario.person("matrix-js-sdk", "botignored");
    await ignored.join(room);
    const path = `v3/user/${encodeURIComponent(two.userId)}/account_data/m.ignored_user_list`;
    await speaker(own).request("PUT", path, { ignored_users: { [ignored.userId]: {} } });
    await until("the gateway to know who is ignored", ANSWER_MS, async () => {
      const { message } = await scenario.call<ExplainReport>("matrix.explain", { accountId: two.accountId, room, user: ignored.userId });
      return message?.reason === "ignored_user";
    }, 500);
    const refused = question("From the ignored.");
    await post(ignored, room, naming(two.userId, refused.text));
    const elsewhere = await makeRoom(ignored, { name: "Ignored", invite: [two.userId] });
    const asked = question();
    await post(alice, room, naming(two.userId, asked.text));
    await scenario.answer(alice, two, asked);
    await scenario.expectSilence(refused, alice);
    await speaker(own).request("PUT", path, { ignored_users: {} });
    await until("the gateway to know that nobody is ignored", ANSWER_MS, async () => {
      const { message } = await scenario.call<ExplainReport>("matrix.explain", { accountId: two.accountId, room, user: ignored.userId });
      return message?.reason !== "ignored_user";
    }, 500);
    const heard = question("No longer ignored.");
    await post(ignored, room, naming(two.userId, heard.text));
    await scenario.answer(ignored, two, heard);
    expect(elsewhere).toMatch(/^!/);
  });

  it("[BOT-3] two bots that answer each other come to an end", async () => {
    const limits = { allowBots: true, botLoopProtection: { maxEventsPerWindow: 4, windowSeconds: 60, cooldownSeconds: 60 } };
    await scenario.reconfigure(two.accountId, (settings) => Object.assign(settings, limits, { groups: { "*": { requireMention: false } } }));
    await scenario.reconfigure(one.accountId, (settings) => Object.assign(settings, limits, { groups: { "*": { requireMention: false } } }));
    const loop = await makeRoom(alice, { name: "Loop", invite: [one.userId, two.userId] });
    await Promise.all([one, two].map((bot) => alice.waitForMember(loop, bot.userId)));
    const asked = question("Begin.");
    await post(alice, loop, { body: asked.text });
    const said = (): number => alice.events.filter((event) => event.roomId === loop && event.sender !== alice.userId).length;
    await until("the loop guard to end it", ANSWER_MS, async () => {
      const reports = await Promise.all([one, two].map((bot) => scenario.call<ExplainReport>("matrix.explain", { accountId: bot.accountId, room: loop, user: alice.userId })));
      return reports.some(({ drops }) => drops.some((drop) => drop.reason === "bot_loop"));
    }, 500);
    // What was being answered when the guard ended it still arrives.
    await until("the bots to be silent", ANSWER_MS, async () => {
      const before = said();
      await pause(5000);
      return said() === before;
    });
    const total = said();
    // Both answer Alice; then a handful among themselves.
    expect(total).toBeGreaterThanOrEqual(3);
    expect(total).toBeLessThanOrEqual(12);
  });
});
