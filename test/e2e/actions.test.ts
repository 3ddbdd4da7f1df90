import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Human } from "../support/humans/index.ts";
import { useMessageTool } from "./message-tool.ts";
import { type Bot, question, Scenario } from "./scenario.ts";

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
    await person.edit(room, typo, "Said with a typo, to nobody.");
    const { results } = await act(
      { action: "edit", messageId, message: "A **better** note of the tool." },
      { action: "delete", messageId: doomedId, reason: "wrong" },
      { action: "delete", messageId: typo },
      { action: "edit", messageId: typo, message: "not mine" },
      { action: "read", limit: 50 },
      { action: "read", limit: 1, before: messageId },
    );
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
      { action: "member-info", userId: person.userId, channelId: room },
      { action: "channel-info", channelId: room },
      { action: "unpin", messageId: rules },
    );
    const [pinned, pins, member, info, unpinned] = results.map(({ details }) => details);
    expect(pinned, JSON.stringify(results)).toMatchObject({ ok: true, pins: [rules] });
    expect(pins).toMatchObject({ total: 1, pins: [{ messageId: rules, text: "The rules of the kitchen. MARK: rules" }] });
    expect(member).toMatchObject({ member: { userId: person.userId, membership: "join", powerLevel: 100 } });
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
    expect(results[0]?.text).toMatch(/actions\.pins|not supported|disabled|unavailable/i);
  });

  it("[ACT-13][OUT-10][DIR-3][DIR-4] the command's twins work through the gateway in an encrypted room", { timeout: 600_000 }, async () => {
    const { answer } = await scenario.ask(person, room, bot);
    const command = async (...args: string[]) => JSON.parse(await scenario.rig.home.run(["message", ...args, "--channel", "matrix", "--account", bot.accountId, "--json"])) as Record<string, unknown>;
    const read = JSON.stringify(await command("read", "--target", `room:${room}`, "--limit", "5"));
    expect(read).toContain(answer.eventId);
    await command("react", "--target", room, "--message-id", answer.eventId, "--emoji", "🛠️");
    await person.waitForEvent((event) => event.sender === bot.userId && event.reaction?.targetId === answer.eventId && event.reaction.key === "🛠️");
    await command("send", "--target", `matrix:room:${room}`, "--message", "By command.");
    const byCommand = await person.waitForMessage(bot.userId, "By command.");
    expect(byCommand.encrypted).toBe(true);
    const member = JSON.stringify(await command("member", "info", "--channel-id", room, "--user-id", person.userId));
    expect(member).toMatch(/\\?"powerLevel\\?":\s*100/);
  });

  it("[OUT-1] a table goes out as one that clients show", async () => {
    const asked = question("A table, please.");
    await scenario.rig.model.script(asked.marker, { text: `${asked.marker}\n\n| a | b |\n|---|---|\n| 1 | 2 |` });
    const { answer } = await scenario.ask(person, room, bot, asked);
    expect(answer.content.formatted_body).toContain("<table>");
  });
});

describe("how text goes out", () => {
  const scenario = new Scenario();
  afterAll(() => scenario.end());

  const TABLE = "| fruit | count |\n|---|---|\n| apple | 3 |";
  it.each([
    ["block", /<table>.*<td>apple<\/td>/s, /./],
    ["bullets", /<ul>.*apple/s, /apple/],
    ["code", /<pre><code.*apple/s, /apple/],
    ["off", /^(?!.*<table>)/s, /\| apple \| 3 \|/],
  ] as const)("[OUT-2][OUT-5] tables: %s, after the prefix, encrypted", async (tables, html, body) => {
    const person = await scenario.person("matrix-nio");
    const bot = await scenario.addBot(`tables-${tables}`, { markdown: { tables }, responsePrefix: "[bot]", textChunkLimit: 4000 });
    const room = await scenario.openDm(person, bot, { encrypted: true });
    const asked = question("A table, please.");
    await scenario.rig.model.script(asked.marker, { text: `${asked.marker}\n\n${TABLE}` });
    const { answer } = await scenario.ask(person, room, bot, asked);
    expect(answer.encrypted).toBe(true);
    expect(answer.body.startsWith("[bot]")).toBe(true);
    expect(String(answer.content.formatted_body ?? "")).toMatch(html);
    expect(answer.body).toMatch(body);
  });
});
