import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/process.ts";
import { makeRoom, post } from "./plain-rooms.ts";
import { ANSWER_MS, type Bot, type Human, question, type Question, Scenario, type SeenEvent } from "./scenario.ts";

describe("threads and replies", () => {
  const scenario = new Scenario();
  let alice: Human;
  let bot: Bot;
  const rooms: Record<string, string> = {};
  const names = ["always", "off", "inbound"];

  beforeAll(async () => {
    alice = await scenario.person("matrix-js-sdk", "thralice");
    bot = await scenario.reserve("thr");
    await Promise.all(
      names.map(async (name) => {
        rooms[name] = await makeRoom(alice, { name, invite: [bot.userId] });
      }),
    );
    scenario.configure(
      bot.accountId,
      scenario.settings({
        userId: bot.userId,
        password: bot.password,
        threadReplies: "always",
        textChunkLimit: 1000,
        dm: { policy: "open", allowFrom: ["*"], threadReplies: "off" },
        groups: {
          [rooms.always as string]: { requireMention: false },
          [rooms.off as string]: { requireMention: false, threadReplies: "off" },
          [rooms.inbound as string]: { requireMention: false, threadReplies: "inbound" },
        },
      }),
    );
    await Promise.all(names.map((name) => alice.waitForMember(rooms[name] as string, bot.userId, { timeoutMs: ANSWER_MS })));
  });
  afterAll(() => scenario.end());

  const thread = (root: string) => ({ "m.relates_to": { rel_type: "m.thread", event_id: root, is_falling_back: true, "m.in_reply_to": { event_id: root } } });

  async function ask(room: string, extra: Record<string, unknown> = {}, asked: Question = question()): Promise<{ eventId: string; answer: SeenEvent }> {
    const eventId = await post(alice, room, { body: asked.text, ...extra });
    return { eventId, answer: await scenario.answer(alice, bot, asked) };
  }

  it("[THR-1][THR-2][THR-10] the account's mode, a room's own, and the direct messages' own", async () => {
    const top = await ask(rooms.always as string);
    expect(top.answer.threadRootId).toBe(top.eventId);
    const off = await ask(rooms.off as string);
    expect(off.answer.threadRootId).toBeUndefined();
    expect((await ask(rooms.off as string, thread(off.eventId))).answer.threadRootId).toBeUndefined();
    const inbound = await ask(rooms.inbound as string);
    expect(inbound.answer.threadRootId).toBeUndefined();
    expect((await ask(rooms.inbound as string, thread(inbound.eventId))).answer.threadRootId).toBe(inbound.eventId);
    const dm = await scenario.openDm(alice, bot, { encrypted: true });
    const { answer, eventId } = await scenario.ask(alice, dm, bot);
    expect(answer.threadRootId).toBeUndefined();
    const asked = question();
    await alice.sendInThread(dm, asked.text, eventId);
    expect((await scenario.answer(alice, bot, asked)).threadRootId).toBeUndefined();
  });

  it("[THR-4] in a thread the answer falls back to the newest message of it, and is no quote", async () => {
    const root = await post(alice, rooms.inbound as string, { body: "A root.", msgtype: "m.notice" });
    const { answer, eventId } = await ask(rooms.inbound as string, thread(root));
    const wire = await alice.wire(rooms.inbound as string, answer.eventId);
    expect(wire.content["m.relates_to"]).toMatchObject({ rel_type: "m.thread", event_id: root, is_falling_back: true });
    expect([root, eventId]).toContain((wire.content["m.relates_to"] as { "m.in_reply_to": { event_id: string } })["m.in_reply_to"].event_id);
  });

  it("[THR-3] replyToMode: off quotes nothing, first the first part, all every part; a room has its own", async () => {
    const room = rooms.off as string;
    const parts = async (): Promise<(string | undefined)[]> => {
      const asked = question("LONG: 2500");
      const before = alice.events.length;
      const eventId = await post(alice, room, { body: asked.text });
      await scenario.answer(alice, bot, asked);
      const said = alice.events.slice(before).filter((event) => event.roomId === room && event.sender === bot.userId && event.type === "m.room.message");
      expect(said.length).toBeGreaterThan(1);
      return said.map((event) => (event.replyToId === eventId ? "quoted" : event.replyToId));
    };
    expect(new Set(await parts())).toEqual(new Set([undefined]));
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.replyToMode = "first";
    });
    const [first, ...rest] = await parts();
    expect(first).toBe("quoted");
    expect(new Set(rest)).toEqual(new Set([undefined]));
    await scenario.reconfigure(bot.accountId, (settings) => {
      const groups = settings.groups as Record<string, Record<string, unknown>>;
      groups[room] = { ...groups[room], replyToMode: "all" };
    });
    expect(new Set(await parts())).toEqual(new Set(["quoted"]));
  });

  it("[THR-7] the message tool stays in the thread it is used in; a threadId of its own wins", async () => {
    const room = rooms.inbound as string;
    const root = await post(alice, room, { body: "The root.", msgtype: "m.notice" });
    const other = await post(alice, room, { body: "Another root.", msgtype: "m.notice" });
    for (const [extra, wanted] of [[{}, root], [{ threadId: other }, other]] as const) {
      const asked = question();
      const text = `By the tool, ${asked.marker.split("").toReversed().join("")}`;
      await scenario.rig.model.script(asked.marker, { toolCalls: [{ name: "message", arguments: { action: "send", channel: "matrix", target: room, message: text, ...extra } }] }, { text: `Answer to ${asked.marker}.` });
      await ask(room, thread(root), asked);
      const sent = await alice.waitForEvent((event) => event.sender === bot.userId && event.body === text, { what: "the tool's message" });
      expect(sent.threadRootId).toBe(wanted);
    }
  });

  it("[THR-9] what the bot shows while it works belongs to the room, and what it sends to the thread", async () => {
    const room = rooms.inbound as string;
    const root = await post(alice, room, { body: "A root for work.", msgtype: "m.notice" });
    const asked = question("SLOW: 6 500");
    const before = alice.events.length;
    const typing = until("the typing notice", ANSWER_MS, async () => {
      // The time-out differs each time: Synapse answers a first sync for minutes with what it answered before.
      const filter = encodeURIComponent(JSON.stringify({ room: { rooms: [room], timeline: { limit: 1 } } }));
      const sync = await alice.request<{ rooms?: { join?: Record<string, { ephemeral?: { events?: { type: string; content: { user_ids?: string[] } }[] } }> } }>("GET", `v3/sync?filter=${filter}&timeout=${Date.now() % 100_000}`);
      return sync.rooms?.join?.[room]?.ephemeral?.events?.some((event) => event.type === "m.typing" && event.content.user_ids?.includes(bot.userId));
    }, 200);
    await post(alice, room, { body: asked.text, ...thread(root) });
    await typing;
    await scenario.answer(alice, bot, asked);
    const sent = alice.events.slice(before).filter((event) => event.roomId === room && event.sender === bot.userId && event.type === "m.room.message");
    expect(new Set(sent.map((event) => event.threadRootId))).toEqual(new Set([root]));
  });
});
