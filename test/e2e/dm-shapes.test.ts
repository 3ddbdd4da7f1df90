import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExplainReport } from "../../ts/operations/explain.ts";
import { request } from "../homeserver/users.ts";
import { until } from "../support/process.ts";
import { makeRoom, post, setState } from "./plain-rooms.ts";
import { ANSWER_MS, type Bot, type Human, question, Scenario } from "./scenario.ts";

/**
 * What is a direct message? In a direct message everything is answered, in a room only what mentions
 * the bot: each shape is shown by that, and by the reason the account gives for it.
 */
describe("direct message or room", () => {
  const scenario = new Scenario();
  let alice: Human;
  let bob: Human;
  let bot: Bot;
  let botToken: string;

  beforeAll(async () => {
    [alice, bob] = await Promise.all([scenario.person("matrix-js-sdk", "shapealice"), scenario.person("matrix-js-sdk", "shapebob")]);
    bot = await scenario.addBot("shapes", { groupPolicy: "open", dm: { policy: "open", allowFrom: ["*"], sessionScope: "per-room" } });
    botToken = (await scenario.rig.homeserver.login(bot.userId, bot.password, "its other client")).accessToken;
  });
  afterAll(() => scenario.end());

  /** A request of the account's user, from another client. */
  function asBot<T>(method: "GET" | "POST" | "PUT", path: string, body?: unknown): Promise<T> {
    return request<T>(scenario.rig.homeserver.baseUrl, method, path, { token: botToken, body });
  }

  async function noteDirect(room: string, user: string): Promise<void> {
    const path = `v3/user/${encodeURIComponent(bot.userId)}/account_data/m.direct`;
    const map = await asBot<Record<string, string[]>>("GET", path).catch((): Record<string, string[]> => ({}));
    await asBot("PUT", path, { ...map, [user]: [...(map[user] ?? []), room] });
  }

  /** Waits until the account takes the room for what it should be, and shows it with a message without a mention. */
  async function expectShape(room: string, kind: "direct" | "room", because: string, speaker: Human = alice): Promise<void> {
    await expectSeen(room, kind, because, speaker);
    const asked = question();
    await post(speaker, room, { body: asked.text });
    if (kind === "direct") {
      expect((await scenario.answer(speaker, bot, asked)).roomId).toBe(room);
      return;
    }
    await until("the message to be dropped", ANSWER_MS, async () => {
      const { drops } = await scenario.call<ExplainReport>("matrix.explain", { accountId: bot.accountId, room, user: speaker.userId });
      return drops.some((drop) => drop.reason === "no_mention");
    }, 300);
    await scenario.expectSilence(asked, speaker);
  }

  /** Waits until the account takes the room for what it should be. */
  async function expectSeen(room: string, kind: "direct" | "room", because: string, speaker: Human = alice): Promise<void> {
    const seen = await until(`${room} to be ${kind} (${because})`, ANSWER_MS, async () => {
      const { room: shape } = await scenario.call<ExplainReport>("matrix.explain", { accountId: bot.accountId, room, user: speaker.userId });
      return shape.kind === kind && shape.because === because ? shape : undefined;
    }, 300).catch(async (error: Error) => {
      const report = await scenario.call<ExplainReport>("matrix.explain", { accountId: bot.accountId, room, user: speaker.userId });
      throw new Error(`${error.message}; it is ${report.room.kind} (${report.room.because})`);
    });
    expect(seen.membership).toBe("join");
  }

  async function withBot(body: Record<string, unknown>): Promise<string> {
    const room = await makeRoom(alice, { ...body, invite: [bot.userId, ...((body.invite as string[] | undefined) ?? [])] });
    await alice.waitForMember(room, bot.userId, { timeoutMs: ANSWER_MS });
    return room;
  }

  it("[SES-5] an is_direct invite of two: direct, and noted in m.direct", async () => {
    const room = await withBot({ is_direct: true });
    await expectShape(room, "direct", "account_data");
    const map = await asBot<Record<string, string[]>>("GET", `v3/user/${encodeURIComponent(bot.userId)}/account_data/m.direct`);
    expect(map[alice.userId]).toContain(room);
  });

  it("[SES-5] two people and m.direct: direct, even with a name", async () => {
    const room = await withBot({ name: "Alice and the bot" });
    await noteDirect(room, alice.userId);
    await expectShape(room, "direct", "account_data");
  });

  it("[SES-5] three people, whatever m.direct says: a room", async () => {
    const room = await withBot({});
    await bob.join(room);
    await noteDirect(room, alice.userId);
    await expectShape(room, "room", "more_than_two");
  });

  it("[SES-5] two people in a named room: a room", async () => {
    await expectShape(await withBot({ name: "Project" }), "room", "named_room");
  });

  it("[SES-5] two people, no name, no m.direct: direct", async () => {
    await expectShape(await withBot({}), "direct", "two_unnamed");
  });

  it("[SES-5] a direct message that grew to three is a room from then on", async () => {
    const room = await withBot({ is_direct: true });
    await expectShape(room, "direct", "account_data");
    await bob.join(room);
    await expectShape(room, "room", "more_than_two");
  });

  it("[SES-5] a group that shrank to two stays a room", async () => {
    const room = await withBot({ name: "Three of us" });
    await bob.join(room);
    await expectShape(room, "room", "more_than_two");
    await bob.leave(room);
    await expectShape(room, "room", "named_room");
  });

  it("[SES-5] a direct message that the other left and came back to is direct", async () => {
    const room = await withBot({ is_direct: true });
    await expectShape(room, "direct", "account_data");
    await alice.leave(room);
    await alice.join(room);
    await expectShape(room, "direct", "account_data");
  });

  it("[SES-5] service members of a bridge are nobody (MSC4171)", async () => {
    const room = await withBot({ is_direct: true });
    await setState(alice, room, "io.element.functional_members", "", { service_members: [bob.userId] });
    await bob.join(room);
    await expectShape(room, "direct", "account_data");
  });

  it("[SES-5] a room listed in groups is a room, whoever is in it", async () => {
    const room = await withBot({ is_direct: true });
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.groups = { [room]: {} };
    });
    await expectShape(room, "room", "listed_in_groups");
  });

  it("[SES-5][INV-7] a direct message that was replaced stays direct, and its successor is followed", async () => {
    const room = await withBot({ is_direct: true, room_version: "10" });
    const { replacement_room: successor } = await alice.request<{ replacement_room: string }>("POST", `v3/rooms/${encodeURIComponent(room)}/upgrade`, { new_version: "11" });
    await alice.waitForMember(successor, bot.userId, { timeoutMs: ANSWER_MS });
    // A replaced room is closed to those without a moderator's rights: nothing can be answered there.
    await expectSeen(room, "direct", "account_data");
    await expectShape(successor, "direct", "account_data");
  });

  it("[SES-5][BOT-1] a direct message of two accounts of this gateway is direct, and not answered", async () => {
    const other = await scenario.addBot("shapestwo");
    const { accessToken } = await scenario.rig.homeserver.login(other.userId, other.password, "its other client");
    const { room_id: room } = await request<{ room_id: string }>(scenario.rig.homeserver.baseUrl, "POST", "v3/createRoom", {
      token: accessToken,
      body: { preset: "trusted_private_chat", is_direct: true, invite: [bot.userId] },
    });
    // Once the gateway has read of the second account.
    const report = await until("the account to join, and to know the other", ANSWER_MS, async () => {
      const explained = await scenario.call<ExplainReport>("matrix.explain", { accountId: bot.accountId, room, user: other.userId });
      return explained.room.kind !== null && explained.message?.reason === "configured_bot" && explained;
    }, 300);
    expect(report.room).toMatchObject({ kind: "direct", because: "account_data" });
    expect(report.message).toMatchObject({ outcome: "dropped", reason: "configured_bot", fix: expect.stringContaining("allowBots") });
  });
});
