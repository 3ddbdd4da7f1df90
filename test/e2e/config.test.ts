import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { registerWithoutDevice } from "../homeserver/users.ts";
import { type Bot, Scenario } from "./scenario.ts";

describe("configuration", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  afterAll(() => scenario.end());

  it("[WIZ-11][ACC-1] `channels add` by flags makes an account that answers", async () => {
    const { userId, password } = await registerWithoutDevice(rig.homeserver.baseUrl, "byflags");
    const flags = ["--homeserver", rig.homeserver.baseUrl, "--user-id", userId, "--password", password, "--encryption"];
    const add = ["channels", "add", "--channel", "matrix", "--account", "By Flags", ...flags];
    const refused = await rig.home.cli(add);
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toContain("--dangerously-allow-private-network");

    await rig.home.run([...add, "--dangerously-allow-private-network"]);
    const bot: Bot = { accountId: "by-flags", userId, password };
    const accounts = rig.home.readConfig().channels?.matrix?.accounts as Record<string, Record<string, unknown>>;
    expect(accounts[bot.accountId]).toEqual({
      enabled: true,
      homeserver: rig.homeserver.baseUrl,
      userId,
      password,
      encryption: true,
      network: { dangerouslyAllowPrivateNetwork: true },
    });
    // Who may talk is the person's decision, and no flag's.
    scenario.configure(bot.accountId, scenario.settings(accounts[bot.accountId]));
    const person = await scenario.person("matrix-nio");
    await scenario.ask(person, await scenario.openDm(person, bot, { encrypted: true }), bot);
  });

  it("[WIZ-13] an unknown key is named, and the gateway goes on with what it had", async () => {
    const person = await scenario.person("matrix-nio");
    const bot = await scenario.addBot("typo");
    const room = await scenario.openDm(person, bot, { encrypted: false });
    const log = (await rig.gateway.log()).length;
    scenario.edit(bot.accountId, (account) => {
      account.encription = true;
    });
    await rig.gateway.waitForLog(/channels\.matrix\.accounts\.typo-\w+.*encription/, { after: log });
    const { code, stdout, stderr } = await rig.home.cli(["config", "validate"]);
    expect(code).not.toBe(0);
    expect(stdout + stderr).toMatch(/channels\.matrix\.accounts\.typo-\w+.*"encription"/);
    await scenario.ask(person, room, bot);
    scenario.edit(bot.accountId, (account) => {
      delete account.encription;
    });
    await scenario.ask(person, room, bot);
  });

  it("[SEC-3] a recovery key that is written out is refused with the reason, and is not in the log", async () => {
    const person = await scenario.person("matrix-nio");
    const bot = await scenario.addBot("inline");
    const room = await scenario.openDm(person, bot, { encrypted: false });
    const key = "EsTj 3yST y93F SLpB jJsz eAXc 2XzA ygD3 w69H fGaN TKBj jXEd";
    const log = (await rig.gateway.log()).length;
    scenario.edit(bot.accountId, (account) => void (account.recoveryKey = key));
    await rig.gateway.waitForLog(/channels\.matrix\.accounts\.inline-\w+\.recoveryKey.*takes a SecretRef only/, { after: log });
    expect((await rig.gateway.log()).slice(log)).not.toContain(key);
    await scenario.ask(person, room, bot);
    scenario.edit(bot.accountId, (account) => void delete account.recoveryKey);
  });

  it("[SEC-1][STA-4] a token behind a SecretRef: named while it is missing, used once it is there", async () => {
    const user = await rig.homeserver.register("secret");
    const bot: Bot = { accountId: "secretref", userId: user.userId, password: user.password };
    const folder = join(rig.home.dir, "secrets");
    const file = join(folder, "matrix.json");
    const write = (secrets: object): void => writeFileSync(file, JSON.stringify(secrets), { mode: 0o600 });
    mkdirSync(folder, { mode: 0o700 });
    write({});
    const log = (await rig.gateway.log()).length;
    rig.home.patch((config) => {
      config.secrets = { providers: { testfile: { source: "file", path: file, mode: "json" } } };
    });
    scenario.configure(bot.accountId, scenario.settings({ accessToken: { source: "file", provider: "testfile", id: "/token" } }));
    await rig.gateway.waitForLog(/matrix:secretref|accounts\.secretref\.accessToken/, { after: log });

    write({ token: user.accessToken });
    await rig.home.run(["secrets", "reload"]);
    const person = await scenario.person("matrix-nio");
    await scenario.ask(person, await scenario.openDm(person, bot, { encrypted: true }), bot);
    expect(await scenario.devicesOf(bot)).toEqual([user.deviceId]);
    expect(await rig.gateway.log()).not.toContain(user.accessToken);
  });
});
