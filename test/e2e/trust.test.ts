import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { crossSign } from "../support/humans/cross-signing.ts";
import type { JsSdkHuman } from "../support/humans/js-sdk.ts";
import { type Bot, question, Scenario } from "./scenario.ts";

describe("an account that answers signed devices of people it knows", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  let bot: Bot;
  let person: JsSdkHuman;
  let room: string;
  beforeAll(async () => {
    bot = await scenario.addBot("strict", { trust: { receive: "cross-signed", onIdentityChange: "block" } });
    person = (await scenario.person("matrix-js-sdk")) as JsSdkHuman;
    room = await scenario.openDm(person, bot, { encrypted: true });
  });
  afterAll(() => scenario.end());

  /** Does something and waits for what the log says about it. */
  async function logged(line: RegExp, work: () => Promise<unknown>): Promise<string> {
    const after = (await rig.gateway.log()).length;
    await work();
    return rig.gateway.waitForLog(new RegExp(`\\[${bot.accountId}\\].*${line.source}`), { after });
  }

  it("[ENC-12] trust.receive: a device that its owner has not signed gets no answer, and the log names the key", async () => {
    const asked = question();
    await logged(/sender_not_cross_signed.*\.trust\.receive.*verify the device/, () => person.send(room, asked.text));
    await crossSign(person);
    await scenario.ask(person, room, bot);
    // Another device of the same person, as somebody with their password has one.
    const other = await scenario.person("matrix-js-sdk", "person", await rig.homeserver.login(person.userId, person.credentials.password));
    const foreign = question();
    await other.waitForMember(room, bot.userId);
    await other.send(room, foreign.text);
    await scenario.ask(person, room, bot);
    await scenario.expectSilence(asked, person);
    await scenario.expectSilence(foreign, person);
  });

  it("[ENC-12] trust.receive: what comes in the clear into an encrypted room gets no answer", async () => {
    const asked = question();
    const path = `v3/rooms/${encodeURIComponent(room)}/send/m.room.message/${randomUUID()}`;
    await logged(/sent_in_clear.*\.trust\.receive/, () => person.request("PUT", path, { msgtype: "m.text", body: asked.text }));
    await scenario.ask(person, room, bot);
    await scenario.expectSilence(asked, person);
  });

  it("[ENC-12] trust.onIdentityChange: nobody with another identity is answered before it is accepted", { timeout: 480_000 }, async () => {
    await logged(new RegExp(`the identity of ${person.userId} has changed; they are not answered until.*verify acknowledge ${person.userId} --account ${bot.accountId}`), () => crossSign(person, { reset: true }));
    const asked = question();
    await logged(/identity_changed.*\.trust\.onIdentityChange/, () => person.send(room, asked.text));
    expect(await rig.home.run(["channels", "status"])).toContain(`openclaw matrix verify acknowledge ${person.userId} --account ${bot.accountId}`);
    expect(await scenario.matrix(bot, ["verify", "acknowledge", person.userId])).toEqual({ success: true, userId: person.userId, acknowledged: true });
    await scenario.ask(person, room, bot);
    await scenario.expectSilence(asked, person);
  });

  it("[ENC-12] trust.send: an answer that only signed devices may read fails without an identity of the account's own, and says what to run", async () => {
    const sender = await scenario.addBot("signed", { trust: { send: "cross-signed" } });
    const dm = await scenario.openDm(person, sender, { encrypted: true });
    const after = (await rig.gateway.log()).length;
    const asked = question();
    await person.send(dm, asked.text);
    const line = await rig.gateway.waitForLog(new RegExp(`\\[${sender.accountId}\\].*trust\\.send.*`), { after });
    expect(line).toContain("openclaw matrix verify bootstrap");
    await scenario.matrix(sender, ["verify", "bootstrap"]);
    await scenario.matrix(sender, ["outbox", "retry", "--all"]);
    const answer = await scenario.answer(person, sender, asked);
    expect(answer.encrypted).toBe(true);
  });
});
