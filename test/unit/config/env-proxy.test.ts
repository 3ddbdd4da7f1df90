import { describe, expect, it } from "vitest";
import { resolveMatrixAccount, toOpenAccountOptions } from "../../../ts/config/accounts.ts";
import { environmentProxy } from "../../../ts/config/env-proxy.ts";

const HS = "https://matrix.example.org";

describe("the environment's proxy", () => {
  it("[NET-5] goes by the homeserver's scheme, small letters first, and ALL_PROXY after both", () => {
    const env = { HTTPS_PROXY: "http://tls:3128", HTTP_PROXY: "http://plain:3128", ALL_PROXY: "socks5://all:1080" };
    expect(environmentProxy(HS, env)).toBe("http://tls:3128");
    expect(environmentProxy("http://10.0.0.1:8008", env)).toBe("http://plain:3128");
    expect(environmentProxy("example.org", env), "a server name").toBe("http://tls:3128");
    expect(environmentProxy(HS, { ...env, https_proxy: "http://small:1" })).toBe("http://small:1");
    expect(environmentProxy(HS, { ALL_PROXY: "socks5://all:1080" })).toBe("socks5://all:1080");
    expect(environmentProxy(HS, { HTTPS_PROXY: "proxy.lan:3128" }), "without a scheme").toBe("http://proxy.lan:3128");
    expect(environmentProxy(HS, { HTTP_PROXY: "http://plain:3128" })).toBeUndefined();
    expect(environmentProxy(HS, { HTTPS_PROXY: " " })).toBeUndefined();
  });

  it.each([
    ["matrix.example.org", HS, true],
    ["example.org", HS, true],
    [".example.org", HS, true],
    ["*.example.org", HS, true],
    ["EXAMPLE.ORG", HS, true],
    ["ample.org", HS, false],
    ["matrix.example.org:443", HS, true],
    ["matrix.example.org:8448", HS, false],
    ["*", HS, true],
    ["10.0.0.0/8", "http://10.1.2.3:8008", true],
    ["10.0.0.0/8", "http://11.1.2.3:8008", false],
    ["10.1.2.3", "http://10.1.2.3:8008", true],
    ["1.2.3", "http://10.1.2.3:8008", false],
    ["[fd00::1]:8008", "http://[fd00::1]:8008", true],
    ["fd00::1", "http://[fd00::1]:8008", true],
    ["fd00::/8", "http://[fd00::1]:8008", true],
    ["", HS, false],
    ["other.org, localhost example.org", HS, true],
  ])("[NET-5] NO_PROXY %j and %s: direct is %s", (exceptions, homeserver, direct) => {
    const env = { HTTPS_PROXY: "http://p:1", HTTP_PROXY: "http://p:1", NO_PROXY: exceptions };
    expect(environmentProxy(homeserver, env) === undefined).toBe(direct);
  });

  it("[NET-4][NET-5] `proxy` stands above it, for all that is sent", () => {
    const env = { HTTPS_PROXY: "http://env:3128" };
    const cfg = (proxy?: string) => ({ channels: { matrix: { homeserver: HS, accessToken: "t", proxy } } });
    const proxyOf = (stated?: string) => toOpenAccountOptions(resolveMatrixAccount(cfg(stated), "default", env), { stateRoot: "/x", env }).network.proxy;
    expect(proxyOf()).toBe("http://env:3128");
    expect(proxyOf("socks5://own:1080")).toBe("socks5://own:1080");
  });
});
