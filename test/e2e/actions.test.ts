import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Human } from "../support/humans/index.ts";
import { useMessageTool } from "./message-tool.ts";
import { type Bot, Scenario } from "./scenario.ts";

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
});
