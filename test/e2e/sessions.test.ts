import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/process.ts";
import { makeRoom, naming, post } from "./plain-rooms.ts";
import { ANSWER_MS, type Bot, type Human, question, type Question, Scenario, type SeenEvent } from "./scenario.ts";

describe("sessions, targets and what the agent is given", () => {
  const scenario = new Scenario();
  let alice: Human;
  let bob: Human;
  let bot: Bot;
  const rooms: Record<string, string> = {};
  const names = ["main", "target", "history", "quotes"];
  const alias = `#target-${crypto.randomUUID()}`;

  beforeAll(async () => {
    [alice, bob] = await Promise.all([scenario.person("matrix-js-sdk", "sesalice"), scenario.person("matrix-js-sdk", "sesbob")]);
    bot = await scenario.reserve("ses");
    await Promise.all(
      names.map(async (name) => {
        rooms[name] = await makeRoom(alice, { name: `The ${name} room`, topic: `Topic of ${name}`, invite: [bot.userId], ...(name === "target" ? { room_alias_name: alias.slice(1) } : {}) });
        await bob.join(rooms[name]);
      }),
    );
    scenario.configure(
      bot.accountId,
      scenario.settings({
        userId: bot.userId,
        password: bot.password,
        historyLimit: 5,
        groups: { [rooms.quotes as string]: { users: [alice.userId] } },
      }),
    );
    await Promise.all(names.map((name) => alice.waitForMember(rooms[name] as string, bot.userId, { timeoutMs: ANSWER_MS })));
  });
  afterAll(() => scenario.end());

  async function sessionKeys(word: string): Promise<string[]> {
    const { sessions } = await scenario.call<{ sessions: { key: string }[] }>("sessions.list", { limit: 1000 });
    return sessions.map(({ key }) => key).filter((key) => key.includes(word));
  }

  async function mention(room: string, asked: Question = question(), extra: Record<string, unknown> = {}): Promise<{ eventId: string; answer: SeenEvent }> {
    const eventId = await post(alice, room, { ...naming(bot.userId, asked.text), ...extra });
    return { eventId, answer: await scenario.answer(alice, bot, asked) };
  }

  it("[SES-1][SES-2][SES-13] a person's session and a room's have their keys, and the prompt names event and room", async () => {
    const dm = await scenario.openDm(alice, bot, { encrypted: true });
    await scenario.ask(alice, dm, bot);
    const asked = question();
    const { eventId } = await mention(rooms.main as string, asked);
    expect(await sessionKeys(`agent:main:matrix:channel:${rooms.main}`)).toEqual([`agent:main:matrix:channel:${rooms.main}`]);
    expect(await sessionKeys(`matrix:${bot.accountId}:direct:${alice.userId}`)).toHaveLength(1);
    expect(await scenario.promptOf(asked)).toContain(`[matrix event id: ${eventId} room: ${rooms.main}]`);
  });

  it("[SES-3][THR-5] a thread has a session of its own, whose first turn is given the message it began with", async () => {
    const root = await post(bob, rooms.main as string, { body: "Where the thread began." });
    const inThread = { "m.relates_to": { rel_type: "m.thread", event_id: root, is_falling_back: true, "m.in_reply_to": { event_id: root } } };
    const [first, second] = [question("First."), question("Second.")];
    expect((await mention(rooms.main as string, first, inThread)).answer.threadRootId).toBe(root);
    expect(await sessionKeys(`:thread:${root}`)).toEqual([`agent:main:matrix:channel:${rooms.main}:thread:${root}`]);
    expect(await scenario.promptOf(first)).toContain("Where the thread began.");
    await mention(rooms.main as string, second, inThread);
    const newest = (await scenario.rig.model.prompts(second.marker)).at(-1)?.messages.findLast((message) => message.role === "user");
    expect(JSON.stringify(newest)).not.toContain("Where the thread began.");
  });

  it("[SES-4][SES-6] two direct messages of one person share a session, which is told once; per-room keeps them apart", async () => {
    const carol = await scenario.person("matrix-js-sdk", "sescarol");
    const [one, two] = [await scenario.openDm(carol, bot, { encrypted: false }), await scenario.openDm(carol, bot, { encrypted: false })];
    const notices = (): SeenEvent[] => carol.events.filter((event) => event.sender === bot.userId && event.content.msgtype === "m.notice");
    await scenario.ask(carol, one, bot);
    await scenario.ask(carol, two, bot);
    const notice = await until("the notice", ANSWER_MS, () => notices()[0]);
    expect(notice.roomId).toBe(two);
    expect(notice.body).toContain("dm.sessionScope");
    await scenario.ask(carol, one, bot);
    await scenario.ask(carol, two, bot);
    expect(notices()).toHaveLength(1);
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.dm = { policy: "open", allowFrom: ["*"], sessionScope: "per-room" };
    });
    const apart = question();
    await scenario.ask(carol, one, bot, apart);
    expect(await sessionKeys(one)).toEqual([`agent:main:matrix:channel:${one}`]);
    expect((await scenario.rig.model.prompts(apart.marker)).at(-1)?.messages.filter((message) => message.role === "assistant")).toEqual([]);
  });

  it("[SES-8] what the gateway sends is noted in the session that answers there, however the destination is named", async () => {
    const carol = await scenario.person("matrix-js-sdk", "sescarol");
    const dm = await scenario.openDm(carol, bot, { encrypted: true });
    const scope = (sessionScope: string): Promise<void> =>
      scenario.reconfigure(bot.accountId, (settings) => {
        settings.dm = { policy: "open", allowFrom: ["*"], sessionScope };
      });
    const full = `${alias}:${scenario.rig.homeserver.serverName}`;
    const inDm = `agent:main:matrix:${bot.accountId}:direct:${carol.userId}`;
    const inRoom = `agent:main:matrix:channel:${rooms.target}`;
    /** Sends to each destination and expects all of it in one session. */
    const expectNoted = async (person: Human, sessionKey: string, destinations: readonly string[], threadId?: string): Promise<void> => {
      const texts = destinations.map((to) => `Sent to ${to} as ${crypto.randomUUID()}.`);
      for (const [index, to] of destinations.entries()) {
        const message = texts[index] as string;
        await scenario.call("send", { channel: "matrix", accountId: bot.accountId, to, message, threadId, idempotencyKey: crypto.randomUUID() });
        await person.waitForMessage(bot.userId, message);
      }
      const { messages } = await scenario.call<{ messages: { role: string; content: unknown }[] }>("chat.history", { sessionKey });
      const noted = messages.filter(({ role }) => role === "assistant").map(({ content }) => JSON.stringify(content));
      for (const text of texts) expect(noted.filter((one) => one.includes(text)), text).toHaveLength(1);
    };
    await scope("per-user");
    await expectNoted(carol, inDm, [carol.userId, dm, `matrix:room:${dm}`]);
    expect(await sessionKeys(dm)).toEqual([]);
    await expectNoted(bob, inRoom, [rooms.target as string, full]);
    expect(await sessionKeys(alias)).toEqual([]);
    const root = await post(bob, rooms.target as string, { body: "A thread to write in." });
    await expectNoted(bob, `${inRoom}:thread:${root}`, [rooms.target as string], root);
    // The agent answers in the sessions these were noted in.
    await scenario.ask(carol, dm, bot);
    expect(await sessionKeys(carol.userId)).toEqual([inDm]);
    await scope("per-room");
    await expectNoted(carol, `agent:main:matrix:channel:${dm}`, [carol.userId, dm]);
  });

  it("[SES-9][SES-10][SES-7] the agent's tool reaches every form of destination", async () => {
    const target = rooms.target as string;
    const dm = await scenario.openDm(bob, bot, { encrypted: true });
    const full = `${alias}:${scenario.rig.homeserver.serverName}`;
    const forms: [string, string][] = [
      [target, target],
      [`room:${target}`, target],
      [`matrix:room:${target}`, target],
      [full, target],
      [`channel:${full}`, target],
      [bob.userId, dm],
      [`user:${bob.userId}`, dm],
      [`matrix:user:${bob.userId}`, dm],
    ];
    for (const [index, [form, room]] of forms.entries()) {
      const asked = question();
      const text = `Sent as ${index} for ${asked.marker.split("").toReversed().join("")}`;
      await scenario.rig.model.script(asked.marker, { toolCalls: [{ name: "message", arguments: { action: "send", channel: "matrix", target: form, message: text } }] }, { text: `Answer to ${asked.marker}.` });
      await post(alice, rooms.main as string, naming(bot.userId, asked.text));
      await scenario.answer(alice, bot, asked);
      const seen = await bob.waitForEvent((event) => event.sender === bot.userId && event.body === text, { what: `the message sent to ${form}`, timeoutMs: 20_000 });
      expect(seen.roomId, form).toBe(room);
    }
  });

  it("[HIS-1][HIS-5] what was said since the last answer is given once, at most so many, with names, room and topic", async () => {
    const room = rooms.history as string;
    await bob.request("PUT", `v3/profile/${encodeURIComponent(bob.userId)}/displayname`, { displayname: "Bob the Builder" });
    for (let index = 1; index <= 7; index++) await post(bob, room, { body: `Small talk ${index}.` });
    const asked = question();
    await mention(room, asked);
    const prompt = await scenario.promptOf(asked);
    for (let index = 3; index <= 7; index++) expect(prompt).toContain(`Small talk ${index}.`);
    for (const index of [1, 2]) expect(prompt).not.toContain(`Small talk ${index}.`);
    expect(prompt).toContain("Bob the Builder");
    expect(prompt).toContain("The history room");
    expect(prompt).toContain("Topic of history");
    const next = question();
    await mention(room, next);
    expect(await scenario.promptOf(next)).not.toContain("Small talk 7.");
  });

  it("[HIS-2][THR-6] a reply is given what it answers, shortened; contextVisibility leaves out whom the room does not admit", async () => {
    const room = rooms.quotes as string;
    const long = await post(bob, room, { body: `Bob's opinion. ${"x".repeat(900)} the end` });
    const replyTo = { "m.relates_to": { "m.in_reply_to": { event_id: long } } };
    const asked = question();
    await mention(room, asked, replyTo);
    const prompt = await scenario.promptOf(asked);
    expect(prompt).toContain("Bob's opinion.");
    expect(prompt).not.toContain("the end");
    expect((/x{50,}/.exec(prompt)?.[0] ?? "").length).toBeLessThanOrEqual(500);
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.contextVisibility = "allowlist";
    });
    await post(bob, room, { body: "Bob's small talk." });
    const filtered = question();
    await mention(room, filtered, { "m.relates_to": { "m.in_reply_to": { event_id: await post(bob, room, { body: "Bob's other opinion." }) } } });
    const without = await scenario.promptOf(filtered);
    expect(without).not.toContain("Bob's other opinion.");
    expect(without).not.toContain("Bob's small talk.");
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.contextVisibility = "allowlist_quote";
    });
    await post(bob, room, { body: "Bob's last small talk." });
    const quoted = question();
    await mention(room, quoted, { "m.relates_to": { "m.in_reply_to": { event_id: await post(bob, room, { body: "Bob's third opinion." }) } } });
    const one = await scenario.promptOf(quoted);
    expect(one).toContain("Bob's third opinion.");
    expect(one).not.toContain("Bob's last small talk.");
  });
});
