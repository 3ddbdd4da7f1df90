import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { question, Scenario } from "./scenario.ts";

describe("upkeep", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  afterAll(() => scenario.end());

  it("[INS-10] an edited configuration counts at once, and neither the gateway nor another account restarts", async () => {
    const bot = await scenario.addBot("edited", { dm: { policy: "allowlist", allowFrom: ["@nobody:matrix.test"] } });
    const other = await scenario.addBot("untouched");
    const person = await scenario.person("matrix-nio");
    const [room, roomOfOther] = [await scenario.openDm(person, bot, { encrypted: false }), await scenario.openDm(person, other, { encrypted: false })];
    const unheard = question();
    await person.send(room, unheard.text);
    await scenario.ask(person, roomOfOther, other);
    await scenario.expectSilence(unheard, person);

    const after = (await rig.gateway.log()).length;
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.dm = { policy: "allowlist", allowFrom: [person.userId] };
    });
    await scenario.ask(person, room, bot);
    const log = (await rig.gateway.log()).slice(after);
    expect(log).not.toMatch(/\[gateway\] ready\b/);
    expect(log).not.toMatch(new RegExp(`\\[${other.accountId}\\] @\\S+ on `));
  });

  it("[STA-5][SEC-2] no token, password or recovery key is in the log, `openclaw logs`, the status or the configuration that is shown", async () => {
    const token = await rig.homeserver.register("logged");
    scenario.configure("logged", scenario.settings({ accessToken: token.accessToken }));
    const bot = await scenario.addBot("hushed");
    const wrong = "syt_not_a_token_of_anybody";
    scenario.configure("refused", scenario.settings({ accessToken: wrong }));
    const person = await scenario.person("matrix-nio");
    await scenario.ask(person, await scenario.openDm(person, bot, { encrypted: true }), bot);
    await scenario.ask(person, await person.createDm(token.userId, { encrypted: true }).then(async (room) => (await person.waitForMember(room, token.userId), room)), { accountId: "logged", ...token });
    await rig.gateway.waitForLog(/refused.*(accessToken|auth_failed)/);

    const shown = {
      log: await rig.gateway.log(),
      file: readFileSync(join(rig.home.dir, "openclaw.log"), "utf8"),
      logs: await rig.home.run(["logs", "--limit", "2000"]),
      status: await rig.home.run(["channels", "status", "--json"]),
      config: await rig.home.run(["config", "get", "channels.matrix"]),
    };
    expect(shown.log).toContain(bot.accountId);
    expect(shown.config).toContain(bot.accountId);
    for (const [where, text] of Object.entries(shown)) {
      for (const secret of [token.accessToken, bot.password, wrong]) expect(text.includes(secret), `a secret in ${where}`).toBe(false);
      // Synapse's tokens, whoever's: the account that has a password holds one as well.
      expect(/syt_[A-Za-z0-9]{4,}_/.exec(text)?.[0], where).toBeUndefined();
    }
  });
});
