import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Credentials, request } from "../homeserver/users.ts";
import type { Human } from "../support/humans/index.ts";
import { until } from "../support/process.ts";
import { useMessageTool } from "./message-tool.ts";
import { type Bot, Scenario } from "./scenario.ts";

/** The agent's further actions: threads, search, and what only the owner may have done. */
describe("what the agent does to rooms", () => {
  const scenario = new Scenario();
  let bot: Bot;
  let owner: Human;
  let guest: Human;
  let room: string;
  /** The account's user at a device of its own, to look at what became of a room. */
  let look: Credentials;
  beforeAll(async () => {
    bot = await scenario.addBot("manages", { actions: { rooms: true, moderation: true, presence: true }, presence: "online" });
    [owner, guest] = await Promise.all([scenario.person("matrix-js-sdk", "owner"), scenario.person("matrix-nio", "guest")]);
    scenario.rig.home.patch((config) => {
      const commands = (config.commands ?? {}) as { ownerAllowFrom?: string[] };
      config.commands = { ...commands, ownerAllowFrom: [...(commands.ownerAllowFrom ?? []), `matrix:${owner.userId}`] };
    });
    room = await scenario.openDm(owner, bot, { encrypted: true });
    look = await scenario.rig.homeserver.login(bot.userId, bot.password, "look");
  });
  afterAll(async () => {
    scenario.rig.home.patch((config) => {
      const commands = config.commands as { ownerAllowFrom?: string[] };
      commands.ownerAllowFrom = commands.ownerAllowFrom?.filter((entry) => entry !== `matrix:${owner.userId}`);
    });
    await scenario.end();
  });

  const act = (...calls: Record<string, unknown>[]) => useMessageTool(scenario, owner, room, bot, calls);
  const state = <T>(roomId: string, type: string, key = "") => request<T>(look.homeserver, "GET", `v3/rooms/${encodeURIComponent(roomId)}/state/${type}/${encodeURIComponent(key)}`, { token: look.accessToken });
  const operator = async (action: string, params: Record<string, unknown>) =>
    scenario.call<Record<string, unknown>>("message.action", { channel: "matrix", accountId: bot.accountId, action, params, conversationReadOrigin: "direct-operator", idempotencyKey: randomUUID() });

  /** A room the account is in. What the agent is told has ids that look like keys shortened by the host. */
  async function named(name: string): Promise<string> {
    const { joined_rooms: joined } = await request<{ joined_rooms: string[] }>(look.homeserver, "GET", "v3/joined_rooms", { token: look.accessToken });
    const names = await Promise.all(joined.map((id) => state<{ name?: string }>(id, "m.room.name").catch(() => undefined)));
    return joined[names.findIndex((found) => found?.name === name)] ?? "";
  }

  it("[ACT-14][ACT-15][ACT-16] threads, quoted answers, and a search through what was encrypted", async () => {
    const said = await owner.send(room, "The umbrella is in the purple cupboard. MARK: cupboard");
    await scenario.answer(owner, bot, { marker: "cupboard", text: "" });
    const first = await act(
      { action: "thread-create", threadName: "The plan", message: "Step one." },
      { action: "reply", messageId: said, message: "Noted." },
      { action: "search", channelId: `room:${room}`, query: "PURPLE umbrella" },
      { action: "search", channelId: `room:${room}`, query: "umbrella", authorId: bot.userId },
    );
    const [created, quoted, found, none] = first.results.map(({ details }) => details);
    const threadId = created?.threadId as string;
    expect(threadId, JSON.stringify(first.results)).toMatch(/^\$/);
    expect((await owner.waitForMessage(bot.userId, "The plan")).eventId).toBe(threadId);
    const step = await owner.waitForMessage(bot.userId, "Step one.");
    expect([step.threadRootId, step.encrypted]).toEqual([threadId, true]);
    expect((await owner.waitForMessage(bot.userId, "Noted.")).replyToId).toBe(said);
    expect(found?.matches).toMatchObject([{ messageId: said, sender: owner.userId, encrypted: true }]);
    expect(none?.matches).toEqual([]);
    const second = await act({ action: "thread-reply", threadId, message: "Step two." }, { action: "thread-list", channelId: `room:${room}` }, { action: "unsend", target: `room:${room}`, messageId: quoted?.messageId }, { action: "unsend", target: `room:${room}`, messageId: said });
    const [, listed, unsent, foreign] = second.results;
    expect((await owner.waitForMessage(bot.userId, "Step two.")).threadRootId).toBe(threadId);
    expect(listed?.details.threads, JSON.stringify(second.results)).toMatchObject([{ threadId, text: "The plan", replies: 2 }]);
    expect(unsent?.details).toMatchObject({ ok: true });
    expect((await owner.wire(room, quoted?.messageId as string)).content).toEqual({});
    expect(foreign?.text).toContain("only one's own can be unsent");
  });

  it("[ACT-8][ACT-11][ACT-18] the owner has the profile, encryption and rooms looked after; nobody else has", async () => {
    const { results } = await act(
      { action: "set-profile", displayName: "Renamed Bot" },
      { action: "permissions", target: `room:${room}` },
      { action: "permissions", target: `room:${room}`, operation: "verification-list" },
      { action: "category-create", name: "House" },
      { action: "channel-create", name: "Attic", userId: guest.userId },
    );
    const [profile, encryption, verifications, space, made] = results.map(({ details }) => details);
    expect(profile, JSON.stringify(results)).toMatchObject({ ok: true, displayNameUpdated: true });
    expect(encryption).toMatchObject({ ok: true, operation: "encryption-status", result: { userId: bot.userId } });
    expect(JSON.stringify(encryption)).not.toMatch(/recoveryKey"\s*:\s*"/);
    expect(verifications).toMatchObject({ ok: true, result: [] });
    const seen = await owner.request<{ displayname: string }>("GET", `v3/profile/${encodeURIComponent(bot.userId)}`);
    expect(seen.displayname).toBe("Renamed Bot");
    expect([space?.ok, made?.ok], JSON.stringify(results)).toEqual([true, true]);
    const [house, attic] = [await named("House"), await named("Attic")];
    expect(await state(house, "m.room.create")).toMatchObject({ type: "m.space" });
    expect(await state(attic, "m.room.encryption")).toMatchObject({ algorithm: "m.megolm.v1.aes-sha2" });
    expect(await state(attic, "m.room.member", guest.userId)).toMatchObject({ membership: "invite" });
    await operator("channel-edit", { channelId: attic, topic: "Dusty", parentId: house });
    await operator("renameGroup", { to: attic, name: "Loft" });
    expect(await state(attic, "m.room.topic")).toMatchObject({ topic: "Dusty" });
    expect(await state(attic, "m.room.name")).toMatchObject({ name: "Loft" });
    expect(await state(house, "m.space.child", attic)).toHaveProperty("via");
    const rooms = JSON.stringify(await operator("channel-list", { query: "o" }));
    expect(rooms).toContain(attic);
    expect(rooms).toMatch(/"kind":"space"/);

    const there = await scenario.openDm(guest, bot, { encrypted: true });
    const refused = await useMessageTool(scenario, guest, there, bot, [{ action: "set-profile", displayName: "Hijacked" }, { action: "channel-create", name: "Mine" }, { action: "permissions", target: `room:${there}` }]);
    for (const { text } of refused.results) expect(text).toMatch(/owner|Validation failed/);
    expect(await owner.request("GET", `v3/profile/${encodeURIComponent(bot.userId)}`)).toMatchObject({ displayname: "Renamed Bot" });
  });

  it("[ACT-19][ACT-18] power levels, keeping people out, and leaving for good", async () => {
    const made = JSON.stringify(await operator("channel-create", { name: "Court", userId: guest.userId }));
    const court = /"roomId":"([^"]+)"/.exec(made)?.[1] as string;
    await guest.join(court);
    await operator("role-add", { channelId: court, userId: guest.userId, roleId: "moderator" });
    expect(await state<{ users: object }>(court, "m.room.power_levels")).toMatchObject({ users: { [guest.userId]: 50 } });
    const roles = JSON.stringify(await operator("role-info", { channelId: court }));
    expect(roles).toContain(`{"userId":"${bot.userId}","powerLevel":"creator"}`);
    expect(roles).toContain(`{"userId":"${guest.userId}","powerLevel":50}`);
    await operator("role-remove", { guildId: court, userId: guest.userId, roleId: "moderator" });
    expect((await state<{ users?: Record<string, number> }>(court, "m.room.power_levels")).users ?? {}).not.toHaveProperty(guest.userId);
    await operator("kick", { guildId: court, userId: guest.userId, reason: "noise" });
    expect(await state(court, "m.room.member", guest.userId)).toMatchObject({ membership: "leave", reason: "noise" });
    await operator("addParticipant", { to: court, userId: guest.userId });
    expect(await state(court, "m.room.member", guest.userId)).toMatchObject({ membership: "invite" });
    await operator("ban", { guildId: court, userId: guest.userId });
    expect(await state(court, "m.room.member", guest.userId)).toMatchObject({ membership: "ban" });
    await operator("ban", { guildId: court, userId: guest.userId, remove: true });
    expect(await state(court, "m.room.member", guest.userId)).toMatchObject({ membership: "leave" });
    await operator("channel-delete", { channelId: court });
    const { joined_rooms: joined } = await request<{ joined_rooms: string[] }>(look.homeserver, "GET", "v3/joined_rooms", { token: look.accessToken });
    expect(joined).not.toContain(court);
  });

  it("[ACT-20][PRS-1] presence is what the configuration says, and then what the agent says", async () => {
    const seen = () => owner.request<{ presence: string; status_msg?: string }>("GET", `v3/presence/${encodeURIComponent(bot.userId)}/status`);
    expect((await seen()).presence).toBe("online");
    await operator("set-presence", { status: "dnd", activityState: "In a meeting" });
    await until("the other presence", 30_000, async () => {
      const { presence, status_msg: line } = await seen();
      return presence === "unavailable" && line === "In a meeting";
    });
    // It outlives the sync that goes on meanwhile. Synapse takes whoever sends for present, until the next sync.
    await scenario.ask(owner, room, bot);
    await expect.poll(seen, { timeout: 60_000 }).toMatchObject({ presence: "unavailable", status_msg: "In a meeting" });
  });
});
