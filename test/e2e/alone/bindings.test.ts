import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addAcpStub, removeAcpStub } from "../../support/acp-stub.ts";
import { makeRoom, naming, post } from "../plain-rooms.ts";
import { ANSWER_MS, type Bot, type Human, question, Scenario, type SeenEvent } from "../scenario.ts";

describe("conversations bound to sessions", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  let alice: Human;
  let bot: Bot;
  let dm: string;
  let room: string;
  let coding: string;

  beforeAll(async () => {
    alice = await scenario.person("matrix-js-sdk", "bindalice");
    bot = await scenario.reserve("bind");
    [room, coding] = await Promise.all([makeRoom(alice, { name: "Subagents", invite: [bot.userId] }), makeRoom(alice, { name: "Coding", room_version: "12", invite: [bot.userId] })]);
    addAcpStub(rig.home);
    rig.home.patch((config) => {
      config.commands = { ...(config.commands as object | undefined), ownerAllowFrom: [`matrix:${alice.userId}`, alice.userId] };
      config.agents = { ...(config.agents as object), entries: { main: { default: true }, codex: { runtime: { type: "acp", acp: { agent: "codex", backend: "stub", mode: "persistent" } } } } };
    });
    const groups = { [room]: { requireMention: false }, [coding]: { requireMention: false } };
    scenario.configure(bot.accountId, scenario.settings({ userId: bot.userId, password: bot.password, dm: { policy: "open", allowFrom: ["*", alice.userId] }, groupAllowFrom: [alice.userId], groups }));
    await rig.gateway.stop();
    await rig.gateway.start();
    dm = await scenario.openDm(alice, bot, { encrypted: true });
    await Promise.all([room, coding].map((id) => alice.waitForMember(id, bot.userId, { timeoutMs: ANSWER_MS })));
  }, 300_000);
  afterAll(async () => {
    removeAcpStub(rig.home);
    rig.home.patch((config) => {
      delete config.bindings;
      delete config.commands;
      const agents = config.agents as { entries?: unknown };
      delete agents.entries;
    });
    await scenario.end();
  });

  /** Something the bot says in a place from now on. */
  function says(text: RegExp, place: { roomId: string; threadRootId?: string }, after = alice.events.length): Promise<SeenEvent> {
    return alice.waitForEvent(
      (event) =>
        alice.events.indexOf(event) >= after &&
        event.sender === bot.userId &&
        event.roomId === place.roomId &&
        event.threadRootId === place.threadRootId &&
        text.test(event.newBody ?? event.body),
      { what: `${bot.userId} to say ${text} in ${place.threadRootId ?? place.roomId}`, timeoutMs: ANSWER_MS },
    );
  }

  /** Sends a command and waits for what is said to it. */
  async function command(text: string, reply: RegExp, place: { roomId: string; threadRootId?: string } = { roomId: dm }): Promise<SeenEvent> {
    const after = alice.events.length;
    if (place.roomId === dm) await alice.send(dm, text);
    else await post(alice, place.roomId, { body: text, ...inThread(place.threadRootId) });
    return says(reply, place, after);
  }

  const inThread = (root?: string) => (root === undefined ? {} : { "m.relates_to": { rel_type: "m.thread", event_id: root, is_falling_back: true, "m.in_reply_to": { event_id: root } } });

  it("[BND-2][BND-3][BND-5][BND-9] /acp spawn --bind here makes a direct message the ACP agent's; /new begins its conversation anew", async () => {
    const after = alice.events.length;
    await command("/acp spawn codex --bind here", /Spawned ACP session .*Bound this conversation/s);
    expect((await says(/^⚙️ .*session active/, { roomId: dm }, after)).content.msgtype).toBe("m.notice");
    expect((await scenario.ask(alice, dm, bot)).answer.body).toMatch(/^ACP turn 1 heard/);
    expect((await scenario.ask(alice, dm, bot)).answer.body).toMatch(/^ACP turn 2 heard/);
    await command("/session idle", /Idle timeout active \(24h/);
    await command("/session idle 2h", /Idle timeout set to 2h for 1 binding/);
    await command("/session max-age 1d", /Max age set to 24h for 1 binding/);
    await command("/new", /./);
    expect((await scenario.ask(alice, dm, bot)).answer.body).toMatch(/^ACP turn 1 heard/);
    await command("/session idle", /Idle timeout active \(2h/);
    await command("/unfocus", /Conversation unbound/);
    expect((await scenario.ask(alice, dm, bot)).answer.body).toMatch(/^Answer to/);
    await command("/acp spawn codex --bind here", /Bound this conversation/);
  });

  it("[BND-8][BND-1] a subagent's thread: its result arrives there, what is said there goes to it, /agents lists it", async () => {
    const asked = question("Spawn one.");
    const task = question("Look around.");
    await rig.model.script(asked.marker, { toolCalls: [{ name: "sessions_spawn", arguments: { task: task.text, label: "scout", thread: true, mode: "session", context: "isolated" } }] }, { text: `Spawned, ${asked.marker}.` });
    const after = alice.events.length;
    await post(alice, room, { body: asked.text });
    const root = await alice.waitForEvent((event) => alice.events.indexOf(event) >= after && event.roomId === room && event.sender === bot.userId && /^⚙️ .*scout.*session active/s.test(event.body), { what: "the thread's first message", timeoutMs: ANSWER_MS });
    expect(root.threadRootId).toBeUndefined();
    const place = { roomId: room, threadRootId: root.eventId };
    await says(new RegExp(task.marker), place, after);

    const follow = question("And now?");
    await post(alice, room, { body: follow.text, ...inThread(root.eventId) });
    expect((await scenario.answer(alice, bot, follow)).threadRootId).toBe(root.eventId);
    const prompts = await rig.model.prompts(follow.marker);
    expect(JSON.stringify(prompts.at(-1)?.messages)).toContain("Subagent Context");
    const elsewhere = question("And here?");
    await post(alice, room, { body: elsewhere.text });
    await scenario.answer(alice, bot, elsewhere);
    expect(JSON.stringify((await rig.model.prompts(elsewhere.marker)).at(-1)?.messages)).not.toContain("Subagent Context");

    await command("/agents", new RegExp(`binding:\\${root.eventId}`), { roomId: room });
    await command("/unfocus", /Conversation unbound/, place);
    await says(/no longer/i, place, after);
    // A new thread for the same session, asked for by its label.
    const again = alice.events.length;
    await command("/focus scout", /A new thread talks to scout/, { roomId: room });
    const second = await alice.waitForEvent((event) => alice.events.indexOf(event) >= again && event.roomId === room && event.sender === bot.userId && /session active/.test(event.body), { what: "the second thread's first message", timeoutMs: ANSWER_MS });
    const refocused = question("Still you?");
    await post(alice, room, { body: refocused.text, ...inThread(second.eventId) });
    expect((await scenario.answer(alice, bot, refocused)).threadRootId).toBe(second.eventId);
    expect(JSON.stringify((await rig.model.prompts(refocused.marker)).at(-1)?.messages)).toContain(follow.marker);
  });

  it("[BND-2][BND-3][BND-5] /acp spawn --thread auto begins a thread that is the ACP agent's; /session unbind ends it", async () => {
    const after = alice.events.length;
    await post(alice, room, { body: "/acp spawn codex --thread auto" });
    const root = await alice.waitForEvent((event) => alice.events.indexOf(event) >= after && event.roomId === room && event.sender === bot.userId && /^⚙️ .*session active/.test(event.body), { what: "the thread's first message", timeoutMs: ANSWER_MS });
    expect(root.threadRootId).toBeUndefined();
    const place = { roomId: room, threadRootId: root.eventId };
    const asked = question();
    await post(alice, room, { body: asked.text, ...inThread(root.eventId) });
    const answer = await scenario.answer(alice, bot, asked);
    expect(answer.body).toMatch(/^ACP turn 1 heard/);
    expect(answer.threadRootId).toBe(root.eventId);
    await command("/session unbind", /Conversation unbound/, place);
    await says(/no longer/i, place, after);
    const elsewhere = question();
    await post(alice, room, { body: elsewhere.text, ...inThread(root.eventId) });
    expect((await scenario.answer(alice, bot, elsewhere)).body).toMatch(/^Answer to/);
  });

  it("[THR-8] commands in a thread are answered in the thread", async () => {
    const root = await post(alice, coding, { body: "A thread begins here." });
    const place = { roomId: coding, threadRootId: root };
    await command("/status", /stub-1/, place);
    await command("/model", /stub/, place);
    await command("/new", /./, place);
    const wrong = alice.events.filter((event) => event.roomId === coding && event.sender === bot.userId && event.type === "m.room.message" && event.threadRootId !== root && /stub-1/.test(event.body));
    expect(wrong.map(({ body }) => body)).toEqual([]);
  });

  it("[BND-6][BND-7][INV-8] bindings outlive kill -9; bindings[] binds a room for ever", async () => {
    expect(coding, "an id of room version 12").not.toContain(":");
    rig.home.patch((config) => {
      config.bindings = [{ type: "acp", agentId: "codex", match: { channel: "matrix", accountId: bot.accountId, peer: { kind: "channel", id: coding } } }];
    });
    await rig.gateway.kill();
    await rig.gateway.start();
    expect((await scenario.ask(alice, dm, bot)).answer.body).toMatch(/^ACP turn \d+ heard/);
    const asked = question();
    await post(alice, coding, naming(bot.userId, asked.text));
    expect((await scenario.answer(alice, bot, asked)).body).toMatch(/^ACP turn 1 heard/);
    const after = alice.events.length;
    await command("/acp close", /closed|Removed/i);
    await says(/no longer/i, { roomId: dm }, after);
    expect((await scenario.ask(alice, dm, bot)).answer.body).toMatch(/^Answer to/);
  }, 300_000);

  it("[BND-4] spawnSessions and idleHours are obeyed", async () => {
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.threadBindings = { idleHours: 0.001, spawnSessions: false };
    });
    await command("/acp spawn codex --thread auto", /spawnSessions=true/, { roomId: room });
    const after = alice.events.length;
    await command("/acp spawn codex --bind here", /Bound this conversation/);
    await says(/expired after .* of inactivity/, { roomId: dm }, after);
    await pause(500);
    expect((await scenario.ask(alice, dm, bot)).answer.body).toMatch(/^Answer to/);
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.threadBindings = { enabled: false };
    });
    await command("/acp spawn codex --bind here", /threadBindings.enabled=true/);
  });
});
