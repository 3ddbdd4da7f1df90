import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { crossSign } from "../../support/humans/cross-signing.ts";
import type { JsSdkHuman } from "../../support/humans/js-sdk.ts";
import { until } from "../../support/process.ts";
import { ANSWER_MS, type Bot, question, Scenario } from "../scenario.ts";

interface WireEvent {
  type: string;
  sender: string;
  content: Record<string, unknown> & { "m.relates_to"?: { rel_type?: string; event_id?: string } };
}

describe("encrypted rooms", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  afterAll(() => scenario.end());

  const running = (bot: Bot): Promise<string> => rig.gateway.waitForLog(new RegExp(`\\[${bot.accountId}\\] @\\S+ on `));
  const browser = async (name?: string): Promise<JsSdkHuman> => (await scenario.person("matrix-js-sdk", name)) as JsSdkHuman;

  it("[ENC-9] an answer in a thread is edited while it is written: encrypted, its relations in the clear, and read by another client", async () => {
    const bot = await scenario.addBot("thread", { streaming: { mode: "partial" } });
    const person = await browser();
    const room = await scenario.openDm(person, bot, { encrypted: true });
    const { eventId: root } = await scenario.ask(person, room, bot);
    const asked = question("SLOW: 12 250");
    const inThread = await person.sendInThread(room, asked.text, root);
    const answer = await scenario.answer(person, bot, asked);
    await person.react(room, answer.eventId, "🎉");
    const { chunk } = await person.request<{ chunk: WireEvent[] }>("GET", `v3/rooms/${encodeURIComponent(room)}/messages?dir=b&limit=100`);
    const sent = chunk.toReversed().filter(({ sender, type }) => sender === bot.userId && type !== "m.room.member");
    expect(sent.map(({ type }) => type)).toEqual(sent.map(() => "m.room.encrypted"));
    const relations = sent.map(({ content }) => content["m.relates_to"]);
    const inTheThread = relations.filter((relation) => relation?.rel_type === "m.thread");
    expect(inTheThread.map((relation) => relation?.event_id)).toEqual(inTheThread.map(() => root));
    expect(inTheThread.length, "the thread's messages").toBeGreaterThan(0);
    expect(relations.filter((relation) => relation?.rel_type === "m.replace").length, "edits").toBeGreaterThan(1);
    for (const { content } of sent) expect(Object.keys(content)).not.toContain("body");
    // The other way: the person's reaction is in the clear, their message in the thread is not.
    expect((await person.wire(room, inThread)).type).toBe("m.room.encrypted");
    expect(person.undecryptable).toEqual([]);
    expect(answer.replacesId ?? answer.eventId).toBeTruthy();
  });

  it("[ENC-9] a prompt that is edited, encrypted, before it is answered is answered in its newest words", async () => {
    const bot = await scenario.addBot("edited");
    const person = await browser();
    const room = await scenario.openDm(person, bot, { encrypted: true });
    await scenario.ask(person, room, bot);
    const [first, second] = [question("First wording."), question("Second wording.")];
    // What comes while the account is away waits together.
    await rig.gateway.stop();
    const eventId = await person.send(room, first.text);
    const edit = await person.edit(room, eventId, second.text);
    await rig.gateway.start();
    await scenario.answer(person, bot, second);
    const wire = await person.wire(room, edit);
    expect(wire.type).toBe("m.room.encrypted");
    expect((wire.content as WireEvent["content"])["m.relates_to"]).toMatchObject({ rel_type: "m.replace", event_id: eventId });
    await scenario.expectSilence(first, person);
  });

  it("[ENC-14][SES-10] `openclaw message send` to somebody new makes an encrypted direct message, and finds it the next time", { timeout: 480_000 }, async () => {
    const bot = await scenario.addBot("opener");
    const person = await browser("new");
    await running(bot);
    const send = (text: string) => rig.home.run(["message", "send", "--channel", "matrix", "--account", bot.accountId, "--target", person.userId, "--message", text]);
    await send("Hello from the command line.");
    const invited = await until("an invite", ANSWER_MS, () => person.sdk.getRooms().find((room) => room.getMyMembership() === "invite")?.roomId);
    await person.sdk.joinRoom(invited);
    const hello = await person.waitForMessage(bot.userId, "Hello from the command line.");
    expect(hello).toMatchObject({ roomId: invited, encrypted: true });
    expect((await person.wire(invited, hello.eventId)).type).toBe("m.room.encrypted");
    const encryption = await person.request("GET", `v3/rooms/${encodeURIComponent(invited)}/state/m.room.encryption/`);
    expect(encryption).toMatchObject({ algorithm: "m.megolm.v1.aes-sha2" });
    await send("And once more.");
    expect((await person.waitForMessage(bot.userId, "And once more.")).roomId).toBe(invited);
    // It is a direct message for both: an answer in it goes to the session of a DM.
    const { answer } = await scenario.ask(person, invited, bot);
    expect(answer).toMatchObject({ roomId: invited, encrypted: true });
    expect(person.undecryptable).toEqual([]);
  });

  it("[ENC-10] with shareHistoryOnInvite a quoted message from before the invite is read, without it it is not", async () => {
    for (const shareHistoryOnInvite of [true, false]) {
      const bot = await scenario.addBot("history", { shareHistoryOnInvite, groups: { "*": { requireMention: false } } });
      const person = await browser();
      await crossSign(person);
      const room = await person.createRoom({ encrypted: true });
      const before = await person.send(room, "The word of the day is quokka.");
      await running(bot);
      // Clients share history with devices alone that their owner has signed.
      await scenario.matrix(bot, ["encryption", "setup"]);
      await person.sdk.invite(room, bot.userId);
      await person.waitForMember(room, bot.userId, { timeoutMs: ANSWER_MS });
      // Whatever the first turn loads, the quote is asked for afterwards.
      await scenario.ask(person, room, bot);
      const asked = question("What did I say?");
      await person.reply(room, asked.text, before);
      await scenario.answer(person, bot, asked);
      const prompt = JSON.stringify(await rig.model.prompts(asked.marker));
      if (shareHistoryOnInvite) expect(prompt).toContain("quokka");
      else expect(prompt).not.toContain("quokka");
    }
  });
});

describe("what lies on the disk", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  const secrets = join(rig.home.dir, "passphrases", "matrix.json");
  const ref = (id: string) => ({ source: "file", provider: "passphrases", id });
  let bot: Bot;
  beforeAll(async () => {
    mkdirSync(dirname(secrets), { mode: 0o700 });
    writeFileSync(secrets, JSON.stringify({ right: "a passphrase kept elsewhere", wrong: "another one" }), { mode: 0o600 });
    rig.home.patch((config) => {
      const known = config.secrets as { providers?: Record<string, unknown> } | undefined;
      config.secrets = { ...known, providers: { ...known?.providers, passphrases: { source: "file", path: secrets, mode: "json" } } };
    });
    bot = await scenario.addBot("sealed-store");
  });
  afterAll(() => scenario.end());

  const folder = () => join(rig.home.stateDir, "matrix-rs", "accounts", bot.accountId);

  /** Every file of the account, the write-ahead logs of its databases included. */
  function expectNowhere(words: string[]): void {
    const files = readdirSync(folder(), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.map(({ name }) => name)).toEqual(expect.arrayContaining(["store.key", "inbox.sqlite3", "outbox.sqlite3", "matrix-sdk-crypto.sqlite3"]));
    for (const { parentPath, name } of files) {
      const content = readFileSync(join(parentPath, name));
      for (const word of words) expect(content.includes(word), `"${word}" in ${name}`).toBe(false);
    }
  }

  it("[ENC-11] nothing that was said is readable there; a passphrase that is set, missing or wrong is told by its key", { timeout: 480_000 }, async () => {
    const person = await scenario.person("matrix-js-sdk");
    const room = await scenario.openDm(person, bot, { encrypted: true });
    const asked = question("Please keep 'mariposa' to yourself.");
    const { answer } = await scenario.ask(person, room, bot, asked);
    const said = ["mariposa", asked.marker, (answer.newBody ?? answer.body).slice(0, 30), bot.password];
    expectNowhere(said);

    // On an account that had none: its key is wrapped from now on.
    await scenario.reconfigure(bot.accountId, (settings) => (settings.storePassphrase = ref("/right")));
    await scenario.ask(person, room, bot);
    expectNowhere([...said, "a passphrase kept elsewhere"]);

    /** Changes the key and waits for the sentence the account is blocked with. */
    const blocked = async (passphrase: unknown, sentence: RegExp): Promise<void> => {
      const after = (await rig.gateway.log()).length;
      scenario.edit(bot.accountId, (settings) => {
        if (passphrase === undefined) delete settings.storePassphrase;
        else settings.storePassphrase = passphrase;
      });
      const line = await rig.gateway.waitForLog(new RegExp(`\\[${bot.accountId}\\] not started \\(config_invalid\\): .*${sentence.source}.*`), { after });
      expect(line).toContain(`channels.matrix.accounts.${bot.accountId}`);
    };
    await blocked(undefined, /protected by a passphrase; set `storePassphrase`/);
    await blocked(ref("/wrong"), /`storePassphrase` is not the passphrase that protects.*put the former one back/);
    await scenario.reconfigure(bot.accountId, (settings) => (settings.storePassphrase = ref("/right")));
    await scenario.ask(person, room, bot);
    expect(await rig.gateway.log()).not.toContain("a passphrase kept elsewhere");
  });
});
