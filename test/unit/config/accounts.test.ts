import { describe, expect, it } from "vitest";
import {
  type HostConfig,
  listMatrixAccountIds,
  resolveDefaultMatrixAccountId,
  resolveMatrixAccount,
  roomConfig,
  toOpenAccountOptions,
} from "../../../ts/config/accounts.ts";
import type { MatrixChannelConfig } from "../../../ts/config/schema.ts";

const HS = "https://hs.test";
const nobody = () => false;

function config(matrix: MatrixChannelConfig): HostConfig {
  return { channels: { matrix } };
}

function resolve(matrix: MatrixChannelConfig, accountId?: string, env: Record<string, string> = {}, session = nobody) {
  return resolveMatrixAccount(config(matrix), accountId, env, session);
}

describe("listing", () => {
  const cases: [string, MatrixChannelConfig, Record<string, string>, string[]][] = [
    ["top level with a token", { homeserver: HS, accessToken: "t" }, {}, ["default"]],
    ["top level with a password", { homeserver: HS, userId: "@a:b", password: "p" }, {}, ["default"]],
    ["a reference counts as a secret", { homeserver: HS, accessToken: { source: "env", provider: "default", id: "T" } }, {}, ["default"]],
    ["a section that configures nobody", { dm: { policy: "open" } }, {}, ["default"]],
    ["named accounts, top level holds defaults only", { homeserver: HS, accounts: { b: {}, a: {} } }, {}, ["a", "b"]],
    ["named accounts beside a complete top level", { homeserver: HS, accessToken: "t", accounts: { a: {} } }, {}, ["a", "default"]],
    ["top level completed by the environment", { homeserver: HS, accounts: { a: {} } }, { MATRIX_ACCESS_TOKEN: "t" }, ["a", "default"]],
    ["an account of the environment alone", { accounts: { a: {} } }, { MATRIX_OPS_HOMESERVER: HS, MATRIX_OPS_ACCESS_TOKEN: "t" }, ["a", "ops"]],
    ["an account half in the environment", { accounts: { a: {} } }, { MATRIX_OPS_HOMESERVER: HS }, ["a"]],
    ["ids are normalised", { accounts: { "Ops Bot": {} } }, {}, ["ops-bot"]],
  ];
  it.each(cases)("[ACC-3] %s", (_title, matrix, env, expected) => {
    expect(listMatrixAccountIds(config(matrix), env, nobody)).toEqual(expected);
  });

  it("[ACC-3] without a section and without variables there is no account", () => {
    expect(listMatrixAccountIds({}, {}, nobody)).toEqual([]);
    expect(listMatrixAccountIds({}, { MATRIX_HOMESERVER: HS, MATRIX_ACCESS_TOKEN: "t" }, nobody)).toEqual(["default"]);
  });

  it("[AUT-5] the top level stays an account when its password went and its session stayed", () => {
    const cfg = config({ homeserver: HS, userId: "@a:b", accounts: { ops: {} } });
    expect(listMatrixAccountIds(cfg, {}, (id) => id === "default")).toEqual(["default", "ops"]);
    expect(listMatrixAccountIds(cfg, {}, nobody)).toEqual(["ops"]);
  });

  const defaults: [string, MatrixChannelConfig, string][] = [
    ["defaultAccount", { defaultAccount: "b", accounts: { a: {}, b: {} } }, "b"],
    ["defaultAccount is normalised", { defaultAccount: "Ops Bot", accounts: { a: {}, "ops-bot": {} } }, "ops-bot"],
    ["the literal default", { accounts: { a: {}, default: {} } }, "default"],
    ["the only one", { accounts: { a: {} } }, "a"],
    ["several and none chosen", { accounts: { a: {}, b: {} } }, "default"],
    ["a defaultAccount that is not there", { defaultAccount: "x", accounts: { a: {} } }, "a"],
  ];
  it.each(defaults)("[ACC-2] %s", (_title, matrix, expected) => {
    expect(resolveDefaultMatrixAccountId(config(matrix), {}, nobody)).toBe(expected);
  });
});

describe("merge", () => {
  it("[ACC-1] an account's keys win, objects are merged where they are meant to be", () => {
    const account = resolve(
      {
        homeserver: HS,
        threadReplies: "always",
        textChunkLimit: 100,
        dm: { policy: "allowlist", allowFrom: ["@a:b"] },
        actions: { pins: false },
        execApprovals: { target: "dm" },
        botLoopProtection: { windowSeconds: 5 },
        trust: { receive: "cross-signed" },
        streaming: { mode: "partial", chunkMode: "newline" },
        accounts: {
          ops: {
            accessToken: "t",
            threadReplies: "off",
            dm: { policy: "open" },
            actions: { messages: false },
            execApprovals: { enabled: false },
            botLoopProtection: { maxEventsPerWindow: 3 },
            trust: { send: "cross-signed" },
            streaming: { mode: "quiet" },
          },
        },
      },
      "ops",
    );
    expect(account.configured).toBe(true);
    expect(account.config).toMatchObject({ threadReplies: "off", textChunkLimit: 100 });
    expect(account.config.dm).toEqual({ policy: "open", allowFrom: ["@a:b"] });
    expect(account.config.actions).toEqual({ pins: false, messages: false });
    expect(account.config.execApprovals).toEqual({ target: "dm", enabled: false });
    expect(account.config.botLoopProtection).toEqual({ windowSeconds: 5, maxEventsPerWindow: 3 });
    expect(account.config.trust).toEqual({ receive: "cross-signed", send: "cross-signed" });
    expect(account.config.streaming).toEqual({ mode: "quiet" });
    expect(account.config).not.toHaveProperty("accounts");
    expect(account.config).not.toHaveProperty("defaultAccount");
  });

  it("[ACC-1] groups are merged per room, an empty object clears them", () => {
    const groups = { "!a:b": { requireMention: false, skills: ["x"] }, "!c:b": { requireMention: true } };
    const merged = resolve({ groups, accounts: { ops: { groups: { "room:!a:b": { requireMention: true } } } } }, "ops");
    expect(merged.config.groups).toEqual({
      "!c:b": { requireMention: true },
      "room:!a:b": { requireMention: true, skills: ["x"] },
    });
    expect(resolve({ groups, accounts: { ops: { groups: {} } } }, "ops").config.groups).toEqual({});
    expect(resolve({ groups, accounts: { ops: {} } }, "ops").config.groups).toEqual(groups);
  });

  it("[ACC-4] a room scoped to one account is not the others'", () => {
    const groups = { "!a:b": { account: "Ops" }, "!c:b": { account: "default" }, "!d:b": {} };
    const matrix: MatrixChannelConfig = { homeserver: HS, accessToken: "t", groups, accounts: { ops: {}, web: {} } };
    expect(Object.keys(resolve(matrix, "ops").config.groups ?? {})).toEqual(["!a:b", "!d:b"]);
    expect(Object.keys(resolve(matrix, "web").config.groups ?? {})).toEqual(["!d:b"]);
    expect(Object.keys(resolve(matrix, "default").config.groups ?? {})).toEqual(["!c:b", "!d:b"]);
  });

  it("[ACL-9] rooms are folded into groups, groups win", () => {
    const account = resolve({ rooms: { "!a:b": { requireMention: false, skills: [] } }, groups: { "!a:b": { requireMention: true } } });
    expect(account.config.groups).toEqual({ "!a:b": { requireMention: true, skills: [] } });
    expect(account.config).not.toHaveProperty("rooms");
  });

  const network: [string, MatrixChannelConfig, boolean][] = [
    ["nothing said", {}, false],
    ["the guide's spelling", { allowPrivateNetwork: true }, true],
    ["the nested spelling", { network: { dangerouslyAllowPrivateNetwork: true } }, true],
    ["nested before flat on one level", { allowPrivateNetwork: true, network: { dangerouslyAllowPrivateNetwork: false } }, false],
    ["the account's flat key before the top level's nested one", { network: { dangerouslyAllowPrivateNetwork: true }, accounts: { ops: { allowPrivateNetwork: false } } }, false],
    ["inherited", { allowPrivateNetwork: true, accounts: { ops: {} } }, true],
  ];
  it.each(network)("[WIZ-14] private network: %s", (_title, matrix, expected) => {
    expect(resolve(matrix, matrix.accounts ? "ops" : undefined).allowPrivateNetwork).toBe(expected);
  });

  it("an account is off when it or the whole channel is", () => {
    expect(resolve({ accounts: { ops: {} } }, "ops").enabled).toBe(true);
    expect(resolve({ accounts: { ops: { enabled: false } } }, "ops").enabled).toBe(false);
    expect(resolve({ enabled: false, accounts: { ops: { enabled: true } } }, "ops").enabled).toBe(false);
  });
});

describe("precedence", () => {
  // Which sources are filled, for homeserver (inherited) and access token (auth-only).
  const own = { homeserver: "https://own.test", accessToken: "own" };
  const scoped = { MATRIX_OPS_HOMESERVER: "https://scoped.test", MATRIX_OPS_ACCESS_TOKEN: "scoped" };
  const base = { homeserver: "https://base.test", accessToken: "base" };
  const global = { MATRIX_HOMESERVER: "https://global.test", MATRIX_ACCESS_TOKEN: "global" };
  const table: [string, MatrixChannelConfig, Record<string, string>, string | undefined, string | undefined][] = [
    ["the account's own keys", { ...base, accounts: { ops: own } }, { ...scoped, ...global }, "https://own.test", "own"],
    ["then its scoped variables", { ...base, accounts: { ops: {} } }, { ...scoped, ...global }, "https://scoped.test", "scoped"],
    ["then the top level, without its token", { ...base, accounts: { ops: {} } }, global, "https://base.test", undefined],
    ["then global variables, without the token", { accounts: { ops: {} } }, global, "https://global.test", undefined],
    ["empty strings count as not set", { accounts: { ops: { homeserver: " ", accessToken: "" } } }, { ...scoped }, "https://scoped.test", "scoped"],
  ];
  it.each(table)("[AUT-4] a named account: %s", (_title, matrix, env, homeserver, accessToken) => {
    expect(resolve(matrix, "ops", env)).toMatchObject({ homeserver, accessToken });
  });

  it("[AUT-4] the default account takes everything from the top level and from global variables", () => {
    expect(resolve(base, "default", global)).toMatchObject({ homeserver: "https://base.test", accessToken: "base" });
    expect(resolve({}, "default", global)).toMatchObject({ homeserver: "https://global.test", accessToken: "global", configured: true });
    expect(resolve(base, "default", { MATRIX_DEFAULT_ACCESS_TOKEN: "scoped" }).accessToken).toBe("scoped");
    expect(resolve({ ...base, accounts: { default: own } }, "default", global).accessToken).toBe("own");
  });

  it("[AUT-4] a named account inherits none of the keys of an identity", () => {
    const account = resolve(
      {
        homeserver: HS,
        userId: "@a:b",
        password: "p",
        deviceId: "D",
        deviceName: "Bot",
        recoveryKey: { source: "env", provider: "default", id: "K" },
        accounts: { ops: {} },
      },
      "ops",
      { MATRIX_USER_ID: "@g:b", MATRIX_PASSWORD: "g", MATRIX_DEVICE_ID: "G" },
    );
    expect(account).toMatchObject({ userId: undefined, password: undefined, deviceId: undefined, deviceName: "Bot" });
    expect(account.config.recoveryKey).toBeUndefined();
  });
});

describe("what is missing", () => {
  const reference = { source: "env", provider: "default", id: "NOT_THERE" } as const;
  const cases: [string, MatrixChannelConfig, string | undefined, RegExp][] = [
    ["no homeserver", { accessToken: "t" }, undefined, /^channels\.matrix\.homeserver is not set.*MATRIX_HOMESERVER/],
    ["no homeserver in an account", { accounts: { ops: { accessToken: "t" } } }, "ops", /^channels\.matrix\.accounts\.ops\.homeserver is not set.*MATRIX_OPS_HOMESERVER/],
    ["not a URL", { homeserver: "matrix org", accessToken: "t" }, undefined, /^channels\.matrix\.homeserver is not a homeserver URL/],
    ["another scheme", { homeserver: "ftp://hs", accessToken: "t" }, undefined, /homeserver is not a homeserver URL/],
    ["credentials in the URL", { homeserver: "https://u:pw@hs.test", accessToken: "t" }, undefined, /homeserver must not carry a user name or password/],
    ["a query in the URL", { homeserver: "https://hs.test/?a=b", accessToken: "t" }, undefined, /homeserver must not have a query/],
    ["neither token nor password", { homeserver: HS }, undefined, /^channels\.matrix\.accessToken is not set: .*userId and password.*MATRIX_ACCESS_TOKEN/],
    ["a password without its user", { homeserver: HS, password: "p" }, undefined, /^channels\.matrix\.userId is not set/],
    ["half a user id", { homeserver: HS, userId: "bot", password: "p" }, undefined, /^channels\.matrix\.userId is not a Matrix user id/],
    ["an unresolved token", { homeserver: HS, accessToken: reference }, undefined, /^channels\.matrix\.accessToken refers to the secret env:default:NOT_THERE/],
    ["an unresolved shorthand", { homeserver: HS, accessToken: "${NOT_THERE}" }, undefined, /accessToken refers to the secret env:default:NOT_THERE/],
    ["an unresolved password", { homeserver: HS, userId: "@a:b", password: reference }, undefined, /^channels\.matrix\.password refers to the secret/],
    ["an unresolved passphrase", { homeserver: HS, accessToken: "t", storePassphrase: reference }, undefined, /^channels\.matrix\.storePassphrase refers to the secret/],
    ["an account nobody knows", { accounts: { ops: {} } }, "web", /^there is no Matrix account "web": add channels\.matrix\.accounts\.web .*MATRIX_WEB_ACCESS_TOKEN; the accounts are ops$/],
    ["an account written in another case", { accounts: { "Ops Bot": {} } }, "ops-bot", /^channels\.matrix\.accounts\["Ops Bot"\]\.homeserver/],
  ];
  it.each(cases)("[STA-4] %s", (_title, matrix, accountId, expected) => {
    const account = resolve(matrix, accountId);
    expect(account.configured).toBe(false);
    expect(account.issue).toMatch(expected);
    expect(account.issue).not.toContain("pw");
    expect(() => toOpenAccountOptions(account, { stateRoot: "/s", env: {} })).toThrow(account.issue);
  });

  it("[SEC-1] tells an unreadable secret from a missing one", () => {
    expect(resolve({ homeserver: HS, accessToken: reference }).credentials).toBe("unresolved");
    expect(resolve({ homeserver: HS }).credentials).toBe("missing");
    expect(resolve({ homeserver: HS, accessToken: "t" }).credentials).toBe("available");
  });

  it("[AUT-5] a stored session is enough where the secrets were taken out", () => {
    const account = resolve({ homeserver: HS, userId: "@a:b" }, undefined, {}, () => true);
    expect(account).toMatchObject({ configured: true, issue: undefined, credentials: "missing" });
    expect(toOpenAccountOptions(account, { stateRoot: "/s", env: {} }).auth).toEqual({ type: "stored", userId: "@a:b", deviceId: undefined });
  });
});

describe("rooms", () => {
  const account = resolve({
    groups: {
      "!id:hs": { skills: ["id"] },
      "#alias:hs": { skills: ["alias"] },
      "matrix:room:!v12": { skills: ["v12"] },
      "channel:#pre:hs": { skills: ["pre"] },
      "!off:hs": { enabled: false },
      "*": { skills: ["any"] },
    },
  });
  const cases: [string, { roomId: string; aliases: string[] }, string | undefined, string][] = [
    ["by id", { roomId: "!id:hs", aliases: ["#alias:hs"] }, "id", "!id:hs"],
    ["by alias", { roomId: "!x:hs", aliases: ["#no:hs", "#alias:hs"] }, "alias", "#alias:hs"],
    ["a version 12 id under prefixes", { roomId: "!v12", aliases: [] }, "v12", "matrix:room:!v12"],
    ["an alias under a prefix", { roomId: "!x:hs", aliases: ["#pre:hs"] }, "pre", "channel:#pre:hs"],
    ["the wildcard", { roomId: "!x:hs", aliases: [] }, "any", "*"],
    ["ids are case-sensitive", { roomId: "!ID:hs", aliases: [] }, "any", "*"],
    ["a room without server is not the one with", { roomId: "!v12:hs", aliases: [] }, "any", "*"],
    ["a disabled room is not the wildcard's", { roomId: "!off:hs", aliases: [] }, undefined, "!off:hs"],
  ];
  it.each(cases)("[ACL-7] %s", (_title, room, skill, matched) => {
    const found = roomConfig(account, room);
    expect(found.matched).toBe(matched);
    expect(found.entry?.skills?.[0]).toBe(skill);
  });

  it("[ACL-7] no key, no entry", () => {
    expect(roomConfig(resolve({}), { roomId: "!a:b", aliases: [] })).toEqual({});
  });
});

describe("options for the core", () => {
  it("[AUT-1] a token account, with every default", () => {
    const account = resolve({ homeserver: HS, accessToken: "t", userId: "@a:b" });
    expect(toOpenAccountOptions(account, { stateRoot: "/state", env: {} })).toEqual({
      accountId: "default",
      stateDir: "/state/matrix-rs/accounts/default",
      homeserver: HS,
      auth: { type: "accessToken", accessToken: "t", userId: "@a:b", deviceId: undefined },
      deviceName: "OpenClaw Gateway",
      encryption: false,
      network: { allowPrivateNetwork: false, proxy: undefined, extraCaCerts: undefined },
      storePassphrase: undefined,
      initialSyncLimit: undefined,
      undecryptableRetryHours: 72,
      catchUp: { maxHours: 168, maxEvents: 1000 },
      edits: true,
      shareHistoryOnInvite: false,
      keyRecipients: "all",
      presence: "off",
    });
  });

  it("[AUT-2] a password account, with everything set", () => {
    const account = resolve(
      {
        accounts: {
          "Ops Bot": {
            homeserver: HS,
            userId: "@a:b",
            password: "p",
            deviceId: "D",
            deviceName: "Bot",
            encryption: true,
            allowPrivateNetwork: true,
            proxy: "http://proxy:3128",
            storePassphrase: "resolved by the host",
            initialSyncLimit: 5,
            undecryptable: { retryHours: 1 },
            catchUp: { maxHours: 2 },
            editMode: "ignore",
            shareHistoryOnInvite: true,
            trust: { send: "error-on-change" },
            presence: "unavailable",
          },
        },
      },
      "ops-bot",
    );
    expect(toOpenAccountOptions(account, { stateRoot: "/state", env: { NODE_EXTRA_CA_CERTS: "/ca.pem" } })).toEqual({
      accountId: "ops-bot",
      stateDir: "/state/matrix-rs/accounts/ops-bot",
      homeserver: HS,
      auth: { type: "password", userId: "@a:b", password: "p", deviceId: "D" },
      deviceName: "Bot",
      encryption: true,
      network: { allowPrivateNetwork: true, proxy: "http://proxy:3128", extraCaCerts: "/ca.pem" },
      storePassphrase: "resolved by the host",
      initialSyncLimit: 5,
      undecryptableRetryHours: 1,
      catchUp: { maxHours: 2, maxEvents: 1000 },
      edits: false,
      shareHistoryOnInvite: true,
      keyRecipients: "error-on-change",
      presence: "unavailable",
    });
  });

  it("[AUT-1] a token goes before a password", () => {
    const account = resolve({ homeserver: HS, accessToken: "t", userId: "@a:b", password: "p" });
    expect(toOpenAccountOptions(account, { stateRoot: "/s", env: {} }).auth.type).toBe("accessToken");
  });
});
