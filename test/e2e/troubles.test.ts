import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { Scenario } from "./scenario.ts";

/** A loopback port that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("what a person got wrong", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  afterAll(() => scenario.end());

  /** Configures an account and waits for the sentence that says what is wrong with it. */
  async function expectSentence(accountId: string, settings: Record<string, unknown>, sentence: RegExp): Promise<string> {
    const after = (await rig.gateway.log()).length;
    scenario.configure(accountId, scenario.settings(settings));
    return rig.gateway.waitForLog(new RegExp(`\\[${accountId}\\].*${sentence.source}`), { after });
  }

  it("[STA-4][AUT-2] a wrong password names the key, and never itself", async () => {
    const user = await rig.homeserver.register("mistyped");
    await expectSentence("mistyped", { userId: user.userId, password: "not-the-password" }, /auth_failed.*`password`/);
    expect(await rig.gateway.log()).not.toContain("not-the-password");
  });

  it("[STA-4][AUT-1] a token of another user than `userId` names both", async () => {
    const [owner, other] = [await rig.homeserver.register("owner"), await rig.homeserver.register("other")];
    const line = await expectSentence("others", { userId: other.userId, accessToken: owner.accessToken }, /`userId`.*/);
    expect(line).toContain(owner.userId);
    expect(await rig.gateway.log()).not.toContain(owner.accessToken);
  });

  it("[AUT-7] a homeserver that is down is waited for, and `channels status` says so", async () => {
    await expectSentence("early", { homeserver: `http://127.0.0.1:${await closedPort()}`, userId: "@early:matrix.test", password: "x" }, /network/);
    const text = await rig.home.run(["channels", "status"]);
    expect(text).toMatch(/early.*/);
    // Everybody else is served meanwhile, and the account itself once its homeserver answers.
    const person = await scenario.person("matrix-nio");
    const bot = await scenario.addBot("meanwhile");
    await scenario.ask(person, await scenario.openDm(person, bot, { encrypted: true }), bot);
    const user = await rig.homeserver.register("early");
    await scenario.reconfigure("early", (settings) => Object.assign(settings, { homeserver: rig.homeserver.baseUrl, userId: user.userId, password: user.password }));
    const late = { accountId: "early", userId: user.userId, password: user.password };
    await scenario.ask(person, await scenario.openDm(person, late, { encrypted: true }), late);
  });

  it("[ACC-11] two entries for one device: the second one is refused with both names", async () => {
    const user = await rig.homeserver.register("twice");
    const settings = { accessToken: user.accessToken };
    const person = await scenario.person("matrix-nio");
    scenario.configure("first", scenario.settings(settings));
    const bot = { accountId: "first", userId: user.userId, password: user.password };
    const room = await scenario.openDm(person, bot, { encrypted: true });
    const line = await expectSentence("second", settings, /not started.*/);
    expect(line).toContain('"first"');
    await scenario.ask(person, room, bot);
  });
});
