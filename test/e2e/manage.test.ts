import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Credentials, request } from "../homeserver/users.ts";
import type { Human } from "../support/humans/index.ts";
import { until } from "../support/process.ts";
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

  const state = <T>(roomId: string, type: string, key = "") => request<T>(look.homeserver, "GET", `v3/rooms/${encodeURIComponent(roomId)}/state/${type}/${encodeURIComponent(key)}`, { token: look.accessToken });
  const operator = async (action: string, params: Record<string, unknown>) =>
    scenario.call<Record<string, unknown>>("message.action", { channel: "matrix", accountId: bot.accountId, action, params, conversationReadOrigin: "direct-operator", idempotencyKey: randomUUID() });

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
    // It outlives the sync that goes on meanwhile.
    await scenario.ask(owner, room, bot);
    expect(await seen()).toMatchObject({ presence: "unavailable", status_msg: "In a meeting" });
  });
});
