import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FaultProxy, HeldToDevice } from "../../support/fault-proxy/index.ts";
import { until } from "../../support/process.ts";
import { type Bot, type Human, type Question, question, Scenario } from "../scenario.ts";

/** How long a key stays away, in milliseconds. */
const LATE_MS = 60_000;

describe("room keys that come late", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  let proxy: FaultProxy;
  let bot: Bot;
  let person: Human;
  beforeAll(async () => {
    proxy = await FaultProxy.start(rig.homeserver.baseUrl);
    bot = await scenario.addBot("late", { homeserver: proxy.url });
    person = await scenario.person("matrix-nio");
  });
  afterAll(async () => {
    await scenario.end();
    await proxy.stop();
  });

  /** A DM in use, then messages in another one whose key the account does not get. */
  async function withheld(count: number): Promise<{ room: string; asked: Question[]; held: HeldToDevice }> {
    const room = await scenario.openDm(person, bot, { encrypted: true });
    const held = new HeldToDevice(proxy, bot.userId, (event) => event.type === "m.room.encrypted" && event.sender === person.userId);
    const asked = Array.from({ length: count }, () => question());
    const after = (await rig.gateway.log()).length;
    for (const { text } of asked) await person.send(room, text);
    await until("the key to be held", 30_000, () => held.count > 0);
    await rig.gateway.waitForLog(new RegExp(`\\[${bot.accountId}\\].*cannot be read`), { after });
    return { room, asked, held };
  }

  async function expectOnce(room: string, asked: Question[]): Promise<void> {
    for (const one of asked) await scenario.answer(person, bot, one);
    await scenario.ask(person, room, bot);
    for (const one of asked) expect(scenario.answersOf(person, bot, one), `answers to ${one.marker}`).toHaveLength(1);
  }

  const statusOf = async (): Promise<string> => (await rig.home.run(["channels", "status"])).split("\n").filter((line) => line.includes(bot.accountId)).join("\n");

  it("[ENC-5][ENC-6] after a minute: what waits stands in the status with what to do, and is answered once when the key is there", { timeout: 400_000 }, async () => {
    await scenario.ask(person, await scenario.openDm(person, bot, { encrypted: true }), bot);
    const { room, asked, held } = await withheld(3);
    const since = Date.now();
    const said = await statusOf();
    expect(said).toMatch(/3 encrypted message\(s\) cannot be read/);
    // Three at once are no passing delay.
    expect(said).toMatch(/health:degraded/);
    expect(said).toMatch(/`openclaw matrix \S+/);
    await pause(Math.max(0, LATE_MS - (Date.now() - since)));
    for (const one of asked) expect(scenario.answersOf(person, bot, one)).toEqual([]);
    held.release();
    await expectOnce(room, asked);
    expect(await statusOf()).not.toMatch(/cannot be read|health:degraded/);
  });

  it("[ENC-5] after a kill and a restart of the gateway: answered once", { timeout: 400_000 }, async () => {
    const { room, asked, held } = await withheld(1);
    await rig.gateway.kill();
    held.release();
    await rig.gateway.start();
    await expectOnce(room, asked);
  });
});
