import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Human } from "../support/humans/index.ts";
import { useMessageTool } from "./message-tool.ts";
import { type Bot, Scenario } from "./scenario.ts";

interface ShownMessage {
  messageId: string;
  text: string;
  sender: string;
  edited?: boolean;
  encrypted?: boolean;
}

describe("the agent's message tool in an encrypted room", () => {
  const scenario = new Scenario();
  let bot: Bot;
  let person: Human;
  let room: string;
  beforeAll(async () => {
    bot = await scenario.addBot("tool", { threadReplies: "off" });
    person = await scenario.person("matrix-js-sdk");
    room = await person.createRoom({ encrypted: true, invite: [bot.userId], name: "Kitchen", preset: "trusted_private_chat" });
    await person.waitForMember(room, bot.userId);
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.groups = { [room]: { requireMention: false } };
    });
  });
  afterAll(() => scenario.end());

  const act = (...calls: Record<string, unknown>[]) => useMessageTool(scenario, person, room, bot, calls);

  it("[ACT-1][ACT-4][ACT-5][ACT-6] sends, edits, deletes, and reads the room back, decrypted and in its newest wording", async () => {
    const sent = await act({ action: "send", target: `room:${room}`, message: "A note of the tool." });
    const messageId = sent.results[0]?.details.messageId as string;
    expect(messageId, JSON.stringify(sent.results)).toMatch(/^\$/);
    const doomed = await act({ action: "send", target: `room:${room}`, message: "A mistake of the tool." });
    const doomedId = doomed.results[0]?.details.messageId as string;
    const typo = await person.send(room, "Said with a tpyo, to nobody. MARK: typo1");
    await scenario.answer(person, bot, { marker: "typo1", text: "" });
    await person.edit(room, typo, "Said with a typo, to nobody.");
    const { results } = await act(
      { action: "edit", target: `room:${room}`, messageId, message: "A **better** note of the tool." },
      { action: "delete", messageId: doomedId, reason: "wrong" },
      { action: "delete", messageId: typo },
      { action: "edit", target: `room:${room}`, messageId: typo, message: "not mine" },
      { action: "read", limit: 50 },
      { action: "read", limit: 1, before: messageId },
    );
    expect(results[0]?.details, JSON.stringify(results)).toMatchObject({ ok: true, messageId });
    const edit = await person.waitForEvent((event) => event.replacesId === messageId && event.sender === bot.userId);
    expect([edit.newBody, edit.encrypted]).toEqual(["A **better** note of the tool.", true]);
    const [, deleted, , foreign, page, before] = results;
    expect(deleted?.details, JSON.stringify(results)).toMatchObject({ ok: true, deleted: doomedId });
    expect(foreign?.text).toContain("only one's own can be edited");
    const messages = (page?.details.messages ?? []) as ShownMessage[];
    expect(messages.find((message) => message.messageId === messageId)).toMatchObject({ text: "A better note of the tool.", sender: bot.userId, edited: true, encrypted: true });
    expect(messages.some((message) => message.messageId === doomedId)).toBe(false);
    expect(before?.details.messages).toHaveLength(1);
    expect((await person.wire(room, doomedId)).content).toEqual({});
  });

  it("[ACT-7][ACT-9][ACT-10] pins, and knows members and the room as they are", async () => {
    const rules = await person.send(room, "The rules of the kitchen. MARK: rules");
    const { results } = await act(
      { action: "pin", messageId: rules },
      { action: "list-pins" },
      { action: "member-info", userId: person.userId, channelId: `room:${room}` },
      { action: "channel-info", target: `room:${room}` },
      { action: "unpin", messageId: rules },
    );
    const [pinned, pins, member, info, unpinned] = results.map(({ details }) => details);
    expect(pinned, JSON.stringify(results)).toMatchObject({ ok: true, pins: [rules] });
    expect(pins).toMatchObject({ total: 1, pins: [{ messageId: rules, text: "The rules of the kitchen. MARK: rules" }] });
    expect(member).toMatchObject({ member: { userId: person.userId, membership: "join", powerLevel: "creator" } });
    expect(info).toMatchObject({ room: { name: "Kitchen", encrypted: true, memberCount: 2, membership: "join", direct: false } });
    expect(unpinned).toMatchObject({ pins: [] });
  });

  it("[ACT-12] another room is closed to what is asked here", async () => {
    const other = await person.createRoom({ encrypted: true, invite: [bot.userId], name: "Office" });
    await person.waitForMember(other, bot.userId);
    const secret = await person.send(other, "The safe is open.");
    const { results } = await act({ action: "read", target: `room:${other}` }, { action: "reactions", target: `room:${other}`, messageId: secret });
    for (const { text } of results) {
      expect(text).not.toContain("The safe is open.");
      expect(text).toMatch(/current conversation|not allowed/);
    }
  });

  it("[ACT-3] an action that its key switches off is not there", async () => {
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.actions = { pins: false };
    });
    const { results } = await act({ action: "list-pins" });
    expect(results[0]?.text).toMatch(/actions\.pins|Validation failed/);
  });

  it("[ACT-3][ACT-13][OUT-10][DIR-3][DIR-4][HST-9] the commands work through the gateway in encrypted rooms", async () => {
    const { answer } = await scenario.ask(person, room, bot);
    const operator = async (action: string, params: Record<string, unknown>) =>
      JSON.stringify(await scenario.call("message.action", { channel: "matrix", accountId: bot.accountId, action, params, conversationReadOrigin: "direct-operator", idempotencyKey: randomUUID() }));
    expect(await operator("read", { to: room, limit: 5 })).toContain(answer.eventId);
    await operator("react", { to: room, messageId: answer.eventId, emoji: "🛠️" });
    await person.waitForEvent((event) => event.sender === bot.userId && event.reaction?.targetId === answer.eventId && event.reaction.key === "🛠️");
    expect(await operator("member-info", { channelId: room, userId: person.userId })).toMatch(/"powerLevel":"creator"/);
    // An operator may look where the agent may not.
    const other = await person.createRoom({ encrypted: true, invite: [bot.userId], name: "Cellar" });
    await person.waitForMember(other, bot.userId);
    const hidden = await person.send(other, "Under the stairs.");
    expect(await operator("read", { to: other, messageId: hidden })).toContain("Under the stairs.");
    const command = (...args: string[]) => scenario.rig.home.run(["message", ...args, "--channel", "matrix", "--account", bot.accountId, "--json"]);
    await Promise.all([
      command("send", "--target", `matrix:room:${room}`, "--message", "By command."),
      command("broadcast", "--targets", `room:${room}`, `room:${other}`, "--message", "To both rooms."),
    ]);
    expect((await person.waitForMessage(bot.userId, "By command.")).encrypted).toBe(true);
    for (const roomId of [room, other]) {
      const said = await person.waitForEvent((event) => event.roomId === roomId && event.body === "To both rooms.");
      expect([said.sender, said.encrypted]).toEqual([bot.userId, true]);
    }
  });
});
