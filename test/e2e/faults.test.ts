import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/process.ts";
import { type Fault, FaultProxy, faults, type KeyCounts, likeConduit, type Rule, type RuleOptions } from "../support/fault-proxy/index.ts";
import { type Bot, type Human, type Question, question, Scenario } from "./scenario.ts";

/** Any request that puts an event into a room. */
const SENDS = /^rooms\/[^/]+\/send\//;

describe("a homeserver behind something that spoils requests", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  let proxy: FaultProxy;
  beforeAll(async () => {
    proxy = await FaultProxy.start(rig.homeserver.baseUrl);
  });
  afterAll(async () => {
    proxy.lift();
    await scenario.end();
    await proxy.stop();
  });

  /**
   * An account behind the proxy, a person who is not, and their encrypted DM, in use.
   * `before` is called when the user is known and has asked for nothing yet.
   */
  async function conversation(name: string, options: { extra?: Record<string, unknown>; before?: (userId: string) => unknown } = {}): Promise<{ bot: Bot; person: Human; room: string }> {
    const bot = await scenario.reserve(name);
    options.before?.(bot.userId);
    scenario.configure(bot.accountId, scenario.settings({ homeserver: proxy.url, userId: bot.userId, password: bot.password, ...options.extra }));
    const person = await scenario.person("matrix-nio");
    const room = await scenario.openDm(person, bot, { encrypted: true });
    await scenario.ask(person, room, bot);
    return { bot, person, room };
  }

  async function send(person: Human, room: string, count: number): Promise<Question[]> {
    const asked = Array.from({ length: count }, () => question());
    for (const { text } of asked) await person.send(room, text);
    return asked;
  }

  /** Everything is answered, and by the time a later question is, nothing twice. */
  async function expectOnce(person: Human, room: string, bot: Bot, asked: Question[]): Promise<void> {
    for (const one of asked) await scenario.answer(person, bot, one);
    const last = question("The last one.");
    await scenario.ask(person, room, bot, last);
    for (const one of [...asked, last]) expect(scenario.answersOf(person, bot, one), `answers to ${one.marker}`).toHaveLength(1);
  }

  describe("for a while", () => {
    let bot: Bot;
    let person: Human;
    let room: string;
    beforeAll(async () => {
      ({ bot, person, room } = await conversation("weather"));
    });

    /** What is asked while each lasts; `status` if nothing at all comes through. */
    const weather: { title: string; faults: Omit<RuleOptions, "userId">[]; hits: number; status?: RegExp }[] = [
      { title: "every connection is reset", faults: [{ fault: { kind: "reset" } }], hits: 3 },
      { title: "502 of a reverse proxy", faults: [{ fault: faults.badGateway() }], hits: 3, status: /502/ },
      { title: "520 with a page", faults: [{ fault: faults.unknownError520() }], hits: 3, status: /520/ },
      { title: "429 with retry_after_ms", faults: [{ fault: faults.rateLimited({ retryAfterMs: 1500 }) }], hits: 2 },
      { title: "429 with Retry-After", faults: [{ fault: faults.rateLimited({ headerSeconds: 2 }) }], hits: 2 },
      { title: "429 that says no more", faults: [{ fault: faults.rateLimitedByHtml() }], hits: 3 },
      { title: "answers that are cut by a reset, after the homeserver took the requests", faults: [{ times: 4, fault: { kind: "cut", how: "reset" } }], hits: 1 },
      { title: "answers that are cut by a close", faults: [{ times: 4, fault: { kind: "cut", how: "closed" } }], hits: 1 },
      { title: "answers that end in the middle of the JSON", faults: [{ times: 2, fault: { kind: "cut", how: "ended" } }], hits: 1 },
      { title: "the answers to what is sent are lost", faults: [{ method: "PUT", path: SENDS, taken: true, times: 3, fault: { kind: "reset" } }], hits: 0 },
      { title: "502 after the homeserver took what is sent", faults: [{ method: "PUT", path: SENDS, taken: true, times: 3, fault: faults.badGateway() }], hits: 0 },
      { title: "slow answers", faults: [{ fault: { kind: "slow", totalMs: 1500 } }], hits: 1 },
    ];

    it.each(weather)("[STA-2] nothing is lost and nothing answered twice: $title", async ({ faults: spoiled, hits, status }) => {
      const rules = spoiled.map((rule) => proxy.spoil({ userId: bot.userId, ...rule }));
      try {
        const asked = await send(person, room, 3);
        await rules[0]?.hit(hits);
        if (status) await expectStatus(bot, status);
        // What is bounded ends by itself; some of it only meets the answers.
        if (spoiled.some(({ times }) => times === undefined)) for (const rule of rules) rule.lift();
        await expectOnce(person, room, bot, asked);
        for (const rule of rules) expect(rule.hits, "requests it met").toBeGreaterThan(0);
      } finally {
        for (const rule of rules) rule.lift();
      }
    });

    it("[STA-2] one stalled long poll delays messages, and loses none", async () => {
      await proxy.during({ userId: bot.userId, path: /^sync$/, times: 1, fault: { kind: "stall" } }, async (rule) => {
        // The poll that waits now is answered by the first message.
        const first = await send(person, room, 1);
        await rule.hit();
        await expectOnce(person, room, bot, [...first, ...(await send(person, room, 2))]);
      });
    });

    it("[STA-2] /keys/query hangs: what people write arrives within a minute, and is answered once it works", { timeout: 400_000 }, async () => {
      await proxy.during({ userId: bot.userId, path: /^keys\/query$/, fault: { kind: "stall" } }, async (rule) => {
        // Their devices have changed, so the account has to ask.
        await rig.homeserver.login(person.userId, person.credentials.password, "another");
        await rule.hit();
        const [asked] = (await send(person, room, 1)) as [Question];
        const at = Date.now();
        await until("the agent to be asked", 120_000, async () => (await rig.model.prompts(asked.marker)).length > 0);
        expect(Date.now() - at).toBeLessThan(60_000);
        const [second] = (await send(person, room, 1)) as [Question];
        await until("the agent to be asked again", 120_000, async () => (await rig.model.prompts(second.marker)).length > 0);
        rule.lift();
        await expectOnce(person, room, bot, [asked, second]);
      });
    });
  });

  /** `channels status` says it of this account while it lasts. */
  async function expectStatus(bot: Bot, said: RegExp): Promise<void> {
    const text = await rig.home.run(["channels", "status"]);
    const lines = text.split("\n").filter((line) => line.includes(bot.accountId));
    expect(lines.join("\n"), text).toMatch(said);
  }

  it.each([
    { title: "before the homeserver took them", taken: false, fault: faults.badGateway() },
    { title: "after the homeserver took them", taken: true, fault: { kind: "reset" } as Fault },
    { title: "with an answer that is cut", taken: true, fault: { kind: "cut", how: "closed" } as Fault },
  ])("[ENC-4] the first uploads of keys fail $title, and the account becomes readable all the same", async ({ taken, fault }) => {
    let rule: Rule | undefined;
    const { bot, person, room } = await conversation("uploads", {
      before: (userId) => (rule = proxy.spoil({ userId, method: "POST", path: /^keys\/upload$/, taken, times: 4, fault })),
    });
    expect(rule?.hits).toBeGreaterThan(0);
    await expectOnce(person, room, bot, await send(person, room, 2));
    expect(await scenario.devicesOf(bot)).toHaveLength(1);
  });

  it.each(["absent"] satisfies KeyCounts[])("[ENC-4] a homeserver like Conduit: key counts %s, optional members left out", async (counts) => {
    const { bot, person, room } = await conversation("conduit", { before: (userId) => likeConduit(proxy, userId, counts) });
    await expectOnce(person, room, bot, await send(person, room, 2));
    const other = await scenario.person("matrix-js-sdk");
    const theirs = await scenario.openDm(other, bot, { encrypted: true });
    await expectOnce(other, theirs, bot, await send(other, theirs, 2));
    // The SDK looks at the count before and after each /sync, and never in between.
    const [uploads, syncs] = [/^keys\/upload$/, /^sync$/].map((path) => proxy.count({ path, userId: bot.userId }));
    expect(uploads).toBeLessThanOrEqual(2 * (syncs ?? 0) + 2);
    expect(proxy.count({ path: /^keys\/upload$/, userId: bot.userId, status: 400 })).toBe(0);
  });

  it.each([
    { told: "how long", fault: faults.rateLimited({ retryAfterMs: 2000 }) },
    { told: "nothing", fault: faults.rateLimitedByHtml() },
  ])("[OUT-8] a limit of a message in two seconds that tells $told: a streamed answer and a long one arrive whole", async ({ fault }) => {
    const { bot, person, room } = await conversation("limited", { extra: { streaming: { mode: "partial" } } });
    const rule = proxy.spoil({ userId: bot.userId, method: "PUT", path: SENDS, above: { count: 1, perMs: 2000 }, fault });
    const streamed = question("SLOW: 24 250");
    await person.send(room, streamed.text);
    const last = await scenario.answer(person, bot, streamed);
    for (let part = 1; part <= 24; part++) expect(last.newBody ?? last.body).toContain(`Part ${part}.`);
    expect(last.content).not.toHaveProperty(["org.matrix.msc4357.live"]);
    expect(last.content["m.new_content"] ?? {}).not.toHaveProperty(["org.matrix.msc4357.live"]);
    const long = question("LONG: 9000");
    await person.send(room, long.text);
    await scenario.answer(person, bot, long);
    const text = person.events
      .filter((event) => event.sender === bot.userId && event.type === "m.room.message" && event.replacesId === undefined)
      .map((event) => person.events.findLast((edit) => edit.replacesId === event.eventId)?.newBody ?? event.body)
      .join("");
    expect([...text.matchAll(/Line (\d+): /g)].map((match) => Number(match[1]))).toEqual(Array.from({ length: 180 }, (_, index) => index + 1));
    expect(rule.hits).toBeGreaterThan(2);
    rule.lift();
    await expectOnce(person, room, bot, [streamed, long]);
  });
});
