import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Credentials } from "../homeserver/users.ts";
import { TEST_ROOT } from "../support/network/certificates.ts";
import { Front } from "../support/network/front.ts";
import { HttpProxy, SocksProxy } from "../support/network/proxies.ts";
import { type Bot, type Human, Scenario } from "./scenario.ts";

describe("the network", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  let tls: Front;
  let plain: Front;
  let http: HttpProxy;
  let socks: SocksProxy;
  let person: Human;
  beforeAll(async () => {
    [tls, plain, http, socks, person] = await Promise.all([
      Front.start(rig.homeserver.baseUrl, { tls: true }),
      Front.start(rig.homeserver.baseUrl, { tls: false }),
      HttpProxy.start(),
      SocksProxy.start(),
      scenario.person("matrix-js-sdk", "netalice"),
    ]);
  });
  afterAll(async () => {
    await scenario.end();
    await Promise.all([tls, plain, http, socks].map((listener) => listener.stop()));
  });

  it("[NET-4][NET-5][AUT-3] everything of an account goes through its proxy, HTTP or SOCKS; its device has the name that was configured", async () => {
    const [over, around] = await Promise.all([scenario.addBot("overhttp", { proxy: http.url, deviceName: "Kitchen radio" }), scenario.addBot("oversocks", { proxy: socks.url })]);
    for (const bot of [over, around]) await scenario.ask(person, await scenario.openDm(person, bot, { encrypted: true }), bot);
    const { host } = new URL(rig.homeserver.baseUrl);
    expect([...new Set(http.targets)]).toEqual([host]);
    expect([...new Set(socks.targets)]).toEqual([host]);
    expect(await deviceNames(over)).toContain("Kitchen radio");
    expect(await deviceNames(around)).toContain("OpenClaw Gateway");
  });

  async function deviceNames(bot: Bot): Promise<string[]> {
    const look = await rig.homeserver.login(bot.userId, bot.password, "look");
    const get = { headers: { authorization: `Bearer ${look.accessToken}` } };
    const { devices } = (await (await fetch(`${rig.homeserver.baseUrl}/_matrix/client/v3/devices`, get)).json()) as { devices: { display_name?: string }[] };
    return devices.map((device) => device.display_name ?? "");
  }

  it("[NET-2][NET-3] in clear to a public name, and redirected to where nothing may go: refused before anything is sent", async () => {
    const after = (await rig.gateway.log()).length;
    scenario.configure("cleartext", { homeserver: "http://matrix.example.org", accessToken: "syt_never_sent" });
    await rig.gateway.waitForLog(/\[cleartext\] not started \(address_blocked\).*https:\/\/ in `homeserver`/, { after });
    plain.answers.set("/_matrix/client/v3/account/whoami", { status: 302, headers: { location: "http://169.254.169.254/latest/meta-data" } });
    scenario.configure("redirected", scenario.settings({ homeserver: plain.url, accessToken: "syt_never_followed" }));
    await rig.gateway.waitForLog(/\[redirected\] not started \(address_blocked\).*169\.254\.169\.254/, { after });
  });

  /** \`openclaw directory self\`, which asks the homeserver in the command's own process. */
  async function whoAmI(accountId: string, env: Record<string, string> = {}): Promise<{ code: number | null; text: string }> {
    const { code, stdout, stderr } = await rig.home.cli(["directory", "self", "--channel", "matrix", "--account", accountId, "--json"], { env });
    return { code, text: stdout + stderr };
  }

  it("[NET-5][NET-6][AUT-10] roots of NODE_EXTRA_CA_CERTS, the environment's proxy and its exceptions, and a homeserver that its server names", async () => {
    const user: Credentials = await rig.homeserver.register("roots");
    // Not started: only the command looks with it.
    const account = { enabled: false, network: { dangerouslyAllowPrivateNetwork: true }, accessToken: user.accessToken };
    scenario.configure("selfsigned", { ...account, homeserver: tls.url });
    scenario.configure("byname", { ...account, homeserver: tls.name });
    const refused = await whoAmI("selfsigned");
    expect(refused.text).not.toContain(user.userId);
    expect(refused.text).toMatch(/certificate/i);

    const roots = { NODE_EXTRA_CA_CERTS: TEST_ROOT };
    const before = http.targets.length;
    expect((await whoAmI("selfsigned", { ...roots, HTTPS_PROXY: http.url, NO_PROXY: "localhost" })).text).toContain(user.userId);
    expect(http.targets.slice(before)).not.toContain(tls.name);
    expect((await whoAmI("selfsigned", { ...roots, HTTPS_PROXY: http.url })).text).toContain(user.userId);
    expect(http.targets.slice(before)).toContain(tls.name);

    tls.answers.set("/.well-known/matrix/client", { status: 200, body: { "m.homeserver": { base_url: rig.homeserver.baseUrl } } });
    const asked = tls.asked.length;
    expect((await whoAmI("byname", roots)).text).toContain(user.userId);
    expect(tls.asked.slice(asked)).toEqual(["/.well-known/matrix/client"]);
  });
});
