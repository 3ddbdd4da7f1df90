import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Native } from "../../ts/native/account.ts";
import { isMatrixError } from "../../ts/native/errors.ts";
import { loadNative } from "../../ts/native/load.ts";
import { installPacked } from "../support/installed.ts";
import { TEST_ROOT } from "../support/network/certificates.ts";
import { Front } from "../support/network/front.ts";
import { HttpProxy, SocksProxy } from "../support/network/proxies.ts";
import { StubHomeserver } from "../support/stub-homeserver.ts";

describe("the addon's way through the network", () => {
  let home: string;
  let native: Native;
  let homeserver: StubHomeserver;
  let tls: Front;
  let plain: Front;
  let http: HttpProxy;
  let socks: SocksProxy;
  beforeAll(async () => {
    const installed = installPacked();
    ({ home } = installed);
    native = loadNative(installed.rootDir);
    homeserver = await StubHomeserver.start();
    [tls, plain, http, socks] = await Promise.all([
      Front.start(homeserver.url, { tls: true }),
      Front.start(homeserver.url, { tls: false }),
      HttpProxy.start(),
      SocksProxy.start(),
    ]);
  });
  afterAll(async () => {
    await Promise.all([tls, plain, http, socks, homeserver].map((listener) => listener.stop()));
    rmSync(home, { recursive: true, force: true });
  });

  /** What became of the question for the homeserver's versions: nothing, or the error's code and text. */
  async function asked(url: string, network: { proxy?: string; extraCaCerts?: string; allowPrivateNetwork?: boolean } = {}): Promise<string | undefined> {
    try {
      await native.probe({ homeserver: url, network: { allowPrivateNetwork: true, ...network }, timeoutMs: 10_000 });
      return undefined;
    } catch (error) {
      return isMatrixError(error) ? `${error.code}: ${error.message}` : String(error);
    }
  }

  it("[NET-6] a root of one's own is trusted where it is named, and nowhere else", async () => {
    expect(await asked(tls.url)).toMatch(/^network: .*certificate/);
    expect(await asked(tls.url, { extraCaCerts: TEST_ROOT })).toBeUndefined();
  });

  it("[NET-4][NET-5] HTTP and SOCKS proxies carry everything, https: in a tunnel", async () => {
    expect(await asked(tls.url, { extraCaCerts: TEST_ROOT, proxy: http.url })).toBeUndefined();
    expect(await asked(plain.url, { proxy: http.url })).toBeUndefined();
    expect([...new Set(http.targets)]).toEqual([tls.name, `127.0.0.1:${plain.port}`]);
    expect(await asked(plain.url, { proxy: socks.url })).toBeUndefined();
    expect([...new Set(socks.targets)]).toEqual([`127.0.0.1:${plain.port}`]);
  });

  it("[AUT-10] a server name is asked where its homeserver is", async () => {
    tls.answers.set("/.well-known/matrix/client", { status: 200, body: { "m.homeserver": { base_url: homeserver.url } } });
    const before = tls.asked.length;
    expect(await asked(tls.name, { extraCaCerts: TEST_ROOT })).toBeUndefined();
    expect(tls.asked.slice(before)).toEqual(["/.well-known/matrix/client"]);
    tls.answers.set("/.well-known/matrix/client", { status: 200, body: { "m.homeserver": { base_url: "http://169.254.169.254" } } });
    expect(await asked(tls.name, { extraCaCerts: TEST_ROOT })).toMatch(/^address_blocked: the \.well-known\/matrix\/client of localhost:\d+ names/);
  });

  it("[NET-2][NET-3] neither in clear to a public name, nor where a redirect must not lead", async () => {
    expect(await asked("http://matrix.example.org", { allowPrivateNetwork: false })).toMatch(/^address_blocked: .*https:\/\/ in `homeserver`/);
    plain.answers.set("/_matrix/client/versions", { status: 302, headers: { location: "http://169.254.169.254/latest" } });
    expect(await asked(plain.url)).toMatch(/^address_blocked: 169\.254\.169\.254/);
  });
});
