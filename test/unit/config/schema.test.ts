import { describe, expect, it } from "vitest";
import { parseMatrixConfig } from "../../../ts/config/schema.ts";

/** Problems of a refused configuration. */
function problems(value: unknown): string[] {
  const parsed = parseMatrixConfig(value);
  return parsed.ok ? [] : parsed.problems;
}

describe("channels.matrix", () => {
  it("[WIZ-13] names the unknown key, wherever it stands", () => {
    expect(problems({ homserver: "https://hs" })).toEqual([
      "channels.matrix.homserver: unknown key; check the spelling, or remove it",
    ]);
    expect(problems({ dm: { polcy: "open" } })[0]).toContain("channels.matrix.dm.polcy: unknown key");
    expect(problems({ accounts: { ops: { acessToken: "x" } } })[0]).toContain("channels.matrix.accounts.ops.acessToken:");
    expect(problems({ groups: { "#a:b.c": { mention: true } } })[0]).toContain('channels.matrix.groups["#a:b.c"].mention:');
    expect(problems({ streaming: { block: { coalesce: { minChar: 1 } } } })[0]).toContain("streaming.block.coalesce.minChar:");
  });

  it("[WIZ-13] names the key of a wrong value", () => {
    expect(problems({ threadReplies: "sometimes" })[0]).toMatch(/^channels\.matrix\.threadReplies: .*"off"\|"inbound"\|"always"/);
    expect(problems({ accounts: { ops: { encryption: "yes" } } })[0]).toMatch(/^channels\.matrix\.accounts\.ops\.encryption: /);
  });

  it("[ACC-1] keeps accounts and defaultAccount out of accounts", () => {
    expect(problems({ accounts: { ops: { accounts: {}, defaultAccount: "ops" } } })).toEqual([
      "channels.matrix.accounts.ops.accounts: unknown key; check the spelling, or remove it",
      "channels.matrix.accounts.ops.defaultAccount: unknown key; check the spelling, or remove it",
    ]);
  });

  it("[WIZ-14] accepts both spellings of the private-network key, at top level and in accounts", () => {
    for (const keys of [{ allowPrivateNetwork: true }, { network: { dangerouslyAllowPrivateNetwork: true } }]) {
      expect(problems({ ...keys, accounts: { ops: keys } })).toEqual([]);
    }
  });

  it("[ACL-9] accepts rooms with the keys of groups", () => {
    expect(problems({ rooms: { "!a:b": { requireMention: false, users: ["@a:b", 7] } } })).toEqual([]);
    expect(problems({ rooms: { "!a:b": { allow: true } } })[0]).toContain('channels.matrix.rooms["!a:b"].allow: unknown key');
  });

  it("[SEC-1] takes a token or password as a string or as a reference", () => {
    const reference = { source: "env", provider: "default", id: "MATRIX_TOKEN" };
    expect(problems({ accessToken: "t", password: reference, accounts: { ops: { accessToken: reference } } })).toEqual([]);
    expect(problems({ accessToken: { ...reference, id: "lower-case" } })[0]).toMatch(/^channels\.matrix\.accessToken\.id: .*variable's name/);
    expect(problems({ accessToken: { ...reference, extra: 1 } })[0]).toContain("channels.matrix.accessToken.extra: unknown key");
  });

  it("[SEC-3] refuses an inline recovery key or passphrase with the reason, and does not repeat it", () => {
    for (const key of ["recoveryKey", "storePassphrase"]) {
      const [problem] = problems({ [key]: "EsTb secret words" });
      expect(problem).toMatch(new RegExp(`^channels\\.matrix\\.${key}: takes a SecretRef only, .*source, provider and id.*whoever reads the file`));
      expect(problem).not.toContain("secret words");
    }
    const reference = { source: "file", provider: "vault", id: "/matrix/recovery" };
    expect(problems({ recoveryKey: reference, accounts: { ops: { storePassphrase: reference } } })).toEqual([]);
  });

  it("[STR-8] points a scalar streaming value to doctor", () => {
    for (const value of [{ streaming: "partial" }, { accounts: { ops: { streaming: "partial" } } }]) {
      expect(problems(value)[0]).toMatch(/streaming: is an object, .*openclaw doctor --fix/);
    }
  });
});
