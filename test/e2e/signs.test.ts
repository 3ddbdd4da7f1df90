import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Credentials } from "../homeserver/users.ts";
import { request } from "../homeserver/users.ts";
import type { JsSdkHuman } from "../support/humans/js-sdk.ts";
import { until } from "../support/process.ts";
import { type Bot, question, Scenario } from "./scenario.ts";

type Receipts = Record<string, Record<string, Record<string, { thread_id?: string }>>>;

/** The receipts of a room as the homeserver shows them to somebody. */
async function receiptsSeenBy(who: Credentials, roomId: string): Promise<Receipts> {
  const filter = encodeURIComponent(JSON.stringify({ room: { rooms: [roomId], timeline: { limit: 1 } }, presence: { types: [] } }));
  const answer = await request<{ rooms?: { join?: Record<string, { ephemeral: { events: { type: string; content: Receipts }[] } }> } }>(
    who.homeserver,
    "GET",
    // Synapse answers a first sync for minutes with what it answered before, unless a parameter differs.
    `v3/sync?timeout=${Date.now() % 100_000}&filter=${filter}`,
    { token: who.accessToken },
  );
  const events = answer.rooms?.join?.[roomId]?.ephemeral.events ?? [];
  return Object.assign({}, ...events.filter(({ type }) => type === "m.receipt").map(({ content }) => content)) as Receipts;
}

describe("signs that somebody is there", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  let person: JsSdkHuman;
  beforeAll(async () => {
    person = (await scenario.person("matrix-js-sdk")) as JsSdkHuman;
  });
  afterAll(() => scenario.end());

  /** The receipt a user left on an event, by its kind. */
  async function receiptOf(who: Credentials, room: string, eventId: string, user: string, kind: "m.read" | "m.read.private") {
    return (await receiptsSeenBy(who, room))[eventId]?.[kind]?.[user];
  }

  it("[REC-1] public: the person sees what was read, in a thread as the thread's", async () => {
    const bot = await scenario.addBot("reads");
    const room = await scenario.openDm(person, bot, { encrypted: true });
    const { eventId: root } = await scenario.ask(person, room, bot);
    await until("a receipt", 30_000, () => receiptOf(person.credentials, room, root, bot.userId, "m.read"));
    const asked = question();
    const inThread = await person.sendInThread(room, asked.text, root);
    await scenario.answer(person, bot, asked);
    const threaded = await until("a receipt in the thread", 30_000, () => receiptOf(person.credentials, room, inThread, bot.userId, "m.read"));
    expect(threaded.thread_id).toBe(root);
  });

  it("[REC-1] private and off: the person sees nothing, and with private the account's other devices do", async () => {
    for (const mode of ["private", "off"] as const) {
      const bot: Bot = await scenario.addBot("discreet", { readReceipts: mode });
      const room = await scenario.openDm(person, bot, { encrypted: true });
      const { eventId } = await scenario.ask(person, room, bot);
      const own = await rig.homeserver.login(bot.userId, bot.password, "look");
      if (mode === "private") await until("the private receipt", 30_000, () => receiptOf(own, room, eventId, bot.userId, "m.read.private"));
      // The answer is a message of the account's own: the homeserver counts what stands before it as read, without a receipt.
      expect(await receiptOf(person.credentials, room, eventId, bot.userId, "m.read"), mode).toBeUndefined();
      if (mode === "off") expect(await receiptOf(own, room, eventId, bot.userId, "m.read.private")).toBeUndefined();
    }
  });

  it("[TYP-1] typing is shown while the agent works and is over with the answer", async () => {
    const bot = await scenario.addBot("types", { streaming: { mode: "off" } });
    const room = await scenario.openDm(person, bot, { encrypted: true });
    await scenario.ask(person, room, bot);
    const typing = () => person.sdk.getRoom(room)?.getMember(bot.userId)?.typing ?? false;
    await until("no typing before", 30_000, () => !typing());
    const asked = question("SLOW: 12 500");
    await person.send(room, asked.text);
    await until("typing", 30_000, typing, 20);
    await scenario.answer(person, bot, asked);
    // Far within the thirty seconds after which the homeserver would forget it.
    await until("no typing after", 10_000, () => !typing());
  });
});
