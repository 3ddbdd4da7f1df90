import { afterEach, describe, expect, it, vi } from "vitest";
import type { MatrixChannelConfig } from "../../../ts/config/schema.ts";
import { parseMatrixConfig } from "../../../ts/config/schema.ts";
import { applySetupInput, type SetupInput, setupInputProblem } from "../../../ts/config/setup-input.ts";
import { setupContract } from "../../../ts/setup/adapter.ts";
import { deleteAccount, setAccountEnabled } from "../../../ts/config/edit.ts";
import { isPrivateByName } from "../../../ts/config/private-host.ts";

const HS = "https://hs.example.org";

function apply(matrix: MatrixChannelConfig, accountId: string, input: SetupInput) {
  return applySetupInput({ channels: { matrix } }, accountId, input).channels.matrix;
}

afterEach(() => vi.unstubAllEnvs());

describe("flags to configuration", () => {
  it("[WIZ-11] every flag has its key, and the result is valid", () => {
    const matrix = apply({ dm: { policy: "open" } }, "default", {
      name: "Bot",
      homeserver: ` ${HS} `,
      userId: "@bot:hs",
      password: "p",
      deviceName: "Box",
      avatarUrl: "mxc://hs/a",
      initialSyncLimit: 3,
      proxy: "http://proxy:3128",
      dangerouslyAllowPrivateNetwork: true,
      encryption: true,
    });
    expect(matrix).toEqual({
      enabled: true,
      dm: { policy: "open" },
      name: "Bot",
      homeserver: HS,
      userId: "@bot:hs",
      password: "p",
      deviceName: "Box",
      avatarUrl: "mxc://hs/a",
      initialSyncLimit: 3,
      proxy: "http://proxy:3128",
      network: { dangerouslyAllowPrivateNetwork: true },
      encryption: true,
    });
    expect(parseMatrixConfig(matrix)).toMatchObject({ ok: true });
  });

  it("[WIZ-11] a second run changes what it names and nothing else; token and password replace each other", () => {
    const before: MatrixChannelConfig = { homeserver: HS, userId: "@a:b", password: "p", groups: { "!a:b": {} }, allowPrivateNetwork: true };
    expect(apply(before, "default", { accessToken: "t" })).toEqual({
      enabled: true,
      homeserver: HS,
      userId: "@a:b",
      accessToken: "t",
      groups: { "!a:b": {} },
      allowPrivateNetwork: true,
    });
    expect(apply(before, "default", { dangerouslyAllowPrivateNetwork: false })).toMatchObject({ network: { dangerouslyAllowPrivateNetwork: false } });
    expect(apply(before, "default", { dangerouslyAllowPrivateNetwork: false })).not.toHaveProperty("allowPrivateNetwork");
  });

  it("[WIZ-11] a named account is written below accounts, in the spelling it has there", () => {
    expect(apply({ homeserver: HS, accessToken: "t" }, "ops", { homeserver: HS, accessToken: "o" })).toEqual({
      homeserver: HS,
      accessToken: "t",
      accounts: { ops: { enabled: true, homeserver: HS, accessToken: "o" } },
    });
    expect(apply({ accounts: { "Ops Bot": { homeserver: HS } } }, "ops-bot", { accessToken: "o" }).accounts).toEqual({
      "Ops Bot": { enabled: true, homeserver: HS, accessToken: "o" },
    });
    expect(apply({ accounts: { default: { homeserver: HS } } }, "default", { accessToken: "o" })).toEqual({
      accounts: { default: { enabled: true, homeserver: HS, accessToken: "o" } },
    });
  });

  it("[WIZ-2] --use-env writes no secret and takes an old one out", () => {
    expect(apply({ homeserver: HS, accessToken: "t" }, "default", { useEnv: true })).toEqual({ enabled: true, homeserver: HS });
  });

  it("[WIZ-9] an account's id comes from --account, else from its name", () => {
    const id = (accountId: string | undefined, name?: string) => setupContract.resolveAccountId?.({ cfg: {}, accountId, input: { name } });
    expect(id("Ops Bot")).toBe("ops-bot");
    expect(id(undefined, "Ops Bot")).toBe("ops-bot");
    expect(id(undefined)).toBe("default");
  });

  it("[WIZ-10] promotes the keys of an identity, never policies, and into the account that is meant", () => {
    for (const keys of [setupContract.singleAccountKeysToMove, setupContract.namedAccountPromotionKeys]) {
      expect(keys).toContain("accessToken");
      for (const policy of ["dm", "groupPolicy", "groups", "groupAllowFrom", "autoJoin", "allowBots"]) expect(keys).not.toContain(policy);
    }
    // Beside named accounts it may be theirs.
    expect(setupContract.namedAccountPromotionKeys).not.toContain("homeserver");
    const target = (channel: Record<string, unknown>) => setupContract.resolveSingleAccountPromotionTarget?.({ channel });
    expect(target({ accounts: { Ops: {} } })).toBe("Ops");
    expect(target({ defaultAccount: "ops", accounts: { Ops: {}, web: {} } })).toBe("Ops");
    expect(target({ accounts: { ops: {}, web: {} } })).toBeUndefined();
  });
});

describe("flags that cannot work", () => {
  const problem = (input: SetupInput, matrix: MatrixChannelConfig = {}, accountId = "default") =>
    setupInputProblem({ channels: { matrix } }, accountId, input);

  it.each<[string, SetupInput, RegExp]>([
    ["nothing", {}, /^channels\.matrix\.homeserver is not set.*--homeserver/],
    ["no login", { homeserver: HS }, /accessToken is not set.*--access-token or --user-id with --password/],
    ["a password without its user", { homeserver: HS, password: "p" }, /userId is not set/],
    ["both logins", { homeserver: HS, accessToken: "t", password: "p" }, /^give either --access-token or --password/],
    ["environment and login", { homeserver: HS, useEnv: true, accessToken: "t" }, /^--use-env takes the login/],
    ["an empty environment", { useEnv: true }, /^--use-env found no login for the account "default": set MATRIX_HOMESERVER and MATRIX_ACCESS_TOKEN/],
    ["no URL", { homeserver: "matrix org", accessToken: "t" }, /^--homeserver is not a homeserver URL/],
    ["credentials in the URL", { homeserver: "https://u:p@hs.example.org", accessToken: "t" }, /^--homeserver must not carry/],
    ["a fragment in the URL", { homeserver: "https://hs.example.org/#x", accessToken: "t" }, /^--homeserver must not have a query or a fragment/],
    ["http to the public", { homeserver: "http://matrix.org", accessToken: "t" }, /^--homeserver must be an https: URL/],
    ["a private address", { homeserver: "http://localhost:8008", accessToken: "t" }, /add --dangerously-allow-private-network/],
  ])("[WIZ-3] %s", (_title, input, expected) => {
    vi.stubEnv("MATRIX_HOMESERVER", "");
    vi.stubEnv("MATRIX_ACCESS_TOKEN", "");
    expect(problem(input)).toMatch(expected);
  });

  it("[WIZ-3] flags that can work", () => {
    expect(problem({ homeserver: HS, accessToken: "t" })).toBeNull();
    expect(problem({ homeserver: HS, userId: "@a:b", password: "p" })).toBeNull();
    expect(problem({ homeserver: "http://localhost:8008", accessToken: "t", dangerouslyAllowPrivateNetwork: true })).toBeNull();
    expect(problem({ deviceName: "New" }, { homeserver: HS, accessToken: "t" })).toBeNull();
    expect(problem({ deviceName: "New" }, { homeserver: HS, accessToken: { source: "env", provider: "default", id: "T" } })).toBeNull();
  });

  it("[WIZ-2] --use-env with a login in the environment", () => {
    vi.stubEnv("MATRIX_OPS_HOMESERVER", HS);
    vi.stubEnv("MATRIX_OPS_ACCESS_TOKEN", "t");
    expect(problem({ useEnv: true }, {}, "ops")).toBeNull();
    expect(problem({ useEnv: true }, {}, "web")).toMatch(/set MATRIX_WEB_HOMESERVER and MATRIX_WEB_ACCESS_TOKEN/);
  });
});

describe("private addresses", () => {
  it.each([
    "http://localhost:8008",
    "http://matrix-synapse:8008",
    "https://hs.local",
    "https://box.tail1234.ts.net",
    "https://10.1.2.3",
    "https://192.168.0.1",
    "https://100.64.0.1",
    "https://169.254.1.1",
    "https://[::1]:8448",
    "https://[fd00::1]",
    "https://[::ffff:127.0.0.1]",
  ])("[WIZ-4] %s is one", (url) => {
    expect(isPrivateByName(url)).toBe(true);
  });

  it.each(["https://matrix.org", "https://8.8.8.8", "https://[2606:4700::1]", "https://local.example.org", "https://100.63.255.255"])(
    "[WIZ-4] %s is none",
    (url) => {
      expect(isPrivateByName(url)).toBe(false);
    },
  );
});

describe("switching and deleting", () => {
  it("[ACC-1] switching the default account off leaves the others on", () => {
    const on = (matrix: MatrixChannelConfig, id: string) => setAccountEnabled({ channels: { matrix } }, id, false).channels.matrix;
    expect(on({ homeserver: HS }, "default")).toEqual({ homeserver: HS, enabled: false });
    expect(on({ homeserver: HS, accounts: { ops: {} } }, "default")).toEqual({ homeserver: HS, accounts: { ops: {}, default: { enabled: false } } });
    expect(on({ accounts: { ops: {} } }, "ops")).toEqual({ accounts: { ops: { enabled: false } } });
  });

  it("[ACC-1] deleting takes the login out and leaves policies and the other accounts", () => {
    const remove = (matrix: MatrixChannelConfig, id: string) => deleteAccount({ channels: { matrix } }, id).channels.matrix;
    expect(remove({ dm: { policy: "open" }, defaultAccount: "ops", accounts: { Ops: {} } }, "ops")).toEqual({ dm: { policy: "open" } });
    expect(
      remove({ homeserver: HS, accessToken: "t", userId: "@a:b", dm: { policy: "open" }, accounts: { ops: { accessToken: "o" } } }, "default"),
    ).toEqual({ homeserver: HS, dm: { policy: "open" }, accounts: { ops: { accessToken: "o" } } });
  });
});
