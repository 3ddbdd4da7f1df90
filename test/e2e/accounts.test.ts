import { afterAll, describe, expect, it } from "vitest";
import { HUMAN_CLIENTS, question, Scenario } from "./scenario.ts";

interface StatusAnswer {
  channelAccounts?: { matrix?: { accountId: string; [key: string]: unknown }[] };
}

describe("accounts", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  afterAll(() => scenario.end());

  /** `openclaw channels status --probe --json`, one account of it. */
  async function status(accountId: string): Promise<Record<string, unknown>> {
    const output = await rig.home.run(["channels", "status", "--probe", "--json"]);
    const parsed = JSON.parse(output.slice(output.indexOf("{"))) as StatusAnswer;
    const account = parsed.channelAccounts?.matrix?.find((candidate) => candidate.accountId === accountId);
    if (!account) throw new Error(`channels status does not know ${accountId}:\n${output}`);
    return account;
  }

  it("[INS-4] the addon is mapped once an account is configured, and not before", async () => {
    expect(rig.mappedUnconfigured.length).toBeGreaterThan(0);
    const ours = (files: string[]): string[] => files.filter((file) => /matrix-rs[^/]*\.node$/.test(file));
    expect(ours(rig.mappedUnconfigured)).toEqual([]);
    const person = await scenario.person("matrix-nio");
    const bot = await scenario.addBot("lazy");
    await scenario.openDm(person, bot, { encrypted: false });
    expect(ours(await rig.gateway.mappedFiles())).toHaveLength(1);
  });

  it.each(HUMAN_CLIENTS)("two accounts under one gateway answer each for itself (%s)", async (client) => {
    const person = await scenario.person(client);
    const [one, two] = [await scenario.addBot("one"), await scenario.addBot("two")];
    const roomOne = await scenario.openDm(person, one, { encrypted: true });
    const roomTwo = await scenario.openDm(person, two, { encrypted: true });
    const [askedOne, askedTwo] = [question(), question()];
    await Promise.all([person.send(roomOne, askedOne.text), person.send(roomTwo, askedTwo.text)]);
    const [fromOne, fromTwo] = await Promise.all([scenario.answer(person, one, askedOne), scenario.answer(person, two, askedTwo)]);
    expect(fromOne.roomId).toBe(roomOne);
    expect(fromTwo.roomId).toBe(roomTwo);
  });

  it("[AUT-1][STA-1] an access token is enough, and `channels status --probe` says who it is", async () => {
    const user = await rig.homeserver.register("token");
    scenario.configure("token", scenario.settings({ accessToken: user.accessToken }));
    const person = await scenario.person("matrix-nio");
    const bot = { accountId: "token", userId: user.userId, password: user.password };
    const room = await scenario.openDm(person, bot, { encrypted: true });
    await scenario.ask(person, room, bot);
    expect(await scenario.devicesOf(bot)).toEqual([user.deviceId]);
    const account = await status("token");
    expect(account).toMatchObject({ configured: true, running: true, probe: { ok: true } });
    expect(JSON.stringify(account)).toContain(user.userId);
    expect(JSON.stringify(account)).not.toContain(user.accessToken);
    const text = await rig.home.run(["channels", "status", "--probe"]);
    expect(text).toMatch(/matrix.*token/i);
  });

  it("[AUT-1] a wrong token is said, and the gateway lives on", async () => {
    const log = (await rig.gateway.log()).length;
    scenario.configure("wrongtoken", scenario.settings({ accessToken: "syt_not_a_token" }));
    await rig.gateway.waitForLog(/wrongtoken.*(accessToken|auth_failed)/, { after: log });
    const person = await scenario.person("matrix-nio");
    const bot = await scenario.addBot("beside");
    await scenario.ask(person, await scenario.openDm(person, bot, { encrypted: false }), bot);
  });

  it("[NET-1] a private address is refused without consent, and the message names the key", async () => {
    const user = await rig.homeserver.register("private");
    const log = (await rig.gateway.log()).length;
    const { network: _network, ...settings } = scenario.settings({ accessToken: user.accessToken });
    scenario.configure("private", settings);
    await rig.gateway.waitForLog(/private.*dangerouslyAllowPrivateNetwork/, { after: log });
    const person = await scenario.person("matrix-nio");
    const refused = await person.createDm(user.userId, { encrypted: false });
    await scenario.reconfigure("private", (account) => {
      account.network = { dangerouslyAllowPrivateNetwork: true };
    });
    await person.waitForMember(refused, user.userId);
  });

  it("[WIZ-14][NET-1] the guide's flat allowPrivateNetwork is consent too", async () => {
    const { network: _network, ...settings } = scenario.settings({ allowPrivateNetwork: true });
    const bot = await scenario.addBot("flat");
    scenario.configure(bot.accountId, { ...settings, userId: bot.userId, password: bot.password });
    const person = await scenario.person("matrix-nio");
    await scenario.ask(person, await scenario.openDm(person, bot, { encrypted: true }), bot);
  });
});
