import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OAuthHomeserver } from "../support/network/oauth.ts";
import { ANSWER_MS, type Bot, Scenario } from "./scenario.ts";

/** So short that an account which does not get the next one in time falls silent within the test. */
const TOKEN_LIFETIME_MS = 20_000;

describe("a homeserver without passwords", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  let bot: Bot;
  let homeserver: OAuthHomeserver;
  beforeAll(async () => {
    bot = await scenario.reserve("oauth");
    homeserver = await OAuthHomeserver.start(rig.homeserver.baseUrl, bot, { lifetimeMs: TOKEN_LIFETIME_MS });
  });
  afterAll(async () => {
    await scenario.end();
    await homeserver.stop();
  });

  it("[AUT-9][HST-6] `channels login` shows a code, the account lives on beyond its tokens, `channels logout` ends it everywhere", async () => {
    scenario.configure(bot.accountId, scenario.settings({ homeserver: homeserver.url, encryption: true }));
    const of = ["--channel", "matrix", "--account", bot.accountId];
    const printed = await rig.home.run(["channels", "login", ...of]);
    expect(printed).toContain(`Open ${homeserver.url}/link`);
    expect(printed).toContain("enter the code WXYZ-2345");
    expect(printed).toContain(`Logged in as ${bot.userId}`);
    expect(homeserver.client).toMatchObject({ client_name: "OpenClaw", token_endpoint_auth_method: "none" });
    const written = (rig.home.readConfig().channels?.matrix?.accounts as Record<string, Record<string, unknown>> | undefined)?.[bot.accountId];
    expect(written).toMatchObject({ enabled: true, userId: bot.userId });

    const person = await scenario.person("matrix-js-sdk", "oauthalice");
    const room = await scenario.openDm(person, bot, { encrypted: true });
    await scenario.ask(person, room, bot);
    const before = homeserver.refreshed;
    await pause(2 * TOKEN_LIFETIME_MS);
    await scenario.ask(person, room, bot);
    expect(homeserver.refreshed).toBeGreaterThan(before);
    expect(await rig.gateway.log()).not.toMatch(/mat_[0-9a-f]{8}|mar_[0-9a-f]{8}/);
    const [device] = await scenario.devicesOf(bot);
    expect(device).toMatch(/^[A-Z]{10}$/);

    expect(await rig.home.run(["channels", "logout", ...of])).toContain(`Cleared saved auth for matrix/${bot.accountId}`);
    expect(homeserver.revoked).toBe(1);
    await expect.poll(() => scenario.devicesOf(bot), { timeout: ANSWER_MS }).toEqual([]);
    const status = await rig.home.run(["channels", "status", "--channel", "matrix", "--json"]);
    expect(status).toContain("accessToken is not set");
  });
});
