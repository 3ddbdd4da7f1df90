import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { normalizeAccountId } from "../../../ts/config/account-id.ts";
import { envAccountIds, hostStateDir, readEnv, scopedEnvName } from "../../../ts/config/env.ts";
import { accountStateDir, hasStoredSession } from "../../../ts/config/state.ts";

describe("account ids", () => {
  it.each([
    ["Ops Bot", "ops-bot"],
    [" ops_1 ", "ops_1"],
    ["--a!!", "a"],
    ["", "default"],
    ["!!!", "default"],
    ["__proto__", "default"],
    ["constructor", "default"],
    ["x".repeat(80), "x".repeat(64)],
  ])("[WIZ-9] %s becomes %s", (given, expected) => {
    expect(normalizeAccountId(given)).toBe(expected);
  });
});

describe("variables", () => {
  it("[WIZ-9] names are escaped so that no two accounts share one", () => {
    expect(scopedEnvName("ops", "accessToken")).toBe("MATRIX_OPS_ACCESS_TOKEN");
    expect(scopedEnvName("ops-bot", "homeserver")).toBe("MATRIX_OPS_X2D_BOT_HOMESERVER");
    expect(scopedEnvName("ops_bot", "homeserver")).toBe("MATRIX_OPS_X5F_BOT_HOMESERVER");
  });

  it("[AUT-4] finds the accounts of the environment and nothing else", () => {
    expect(
      envAccountIds({
        MATRIX_OPS_X2D_BOT_ACCESS_TOKEN: "t",
        MATRIX_WEB_DEVICE_NAME: "x",
        MATRIX_EMPTY_USER_ID: " ",
        MATRIX_OPS_BOT_HOMESERVER: "an underscore is never part of a name unescaped",
        MATRIX_RECOVERY_KEY: "k",
        OTHER_ACCESS_TOKEN: "t",
      }),
    ).toEqual(["ops-bot", "web"]);
    expect(envAccountIds({ MATRIX_DEVICE_ID: "D" })).toEqual(["default"]);
  });

  it("[AUT-4] an empty variable is no variable", () => {
    expect(readEnv({ A: "  " }, "A")).toBeUndefined();
    expect(readEnv({ A: " x " }, "A")).toBe("x");
  });
});

describe("state", () => {
  it("the host's folder follows its own variables", () => {
    expect(hostStateDir({ OPENCLAW_STATE_DIR: "/state", HOME: "/home/a" })).toBe("/state");
    expect(hostStateDir({ HOME: "/home/a" })).toBe("/home/a/.openclaw");
    expect(hostStateDir({ OPENCLAW_HOME: "/other", HOME: "/home/a" })).toBe("/other/.openclaw");
  });

  it("[AUT-5] a session is seen in the account's own folder only", () => {
    const root = mkdtempSync(join(tmpdir(), "state-"));
    try {
      expect(hasStoredSession(root, "ops")).toBe(false);
      mkdirSync(accountStateDir(root, "ops"), { recursive: true });
      writeFileSync(join(root, "matrix-rs", "accounts", "ops", "session.json"), "{}");
      expect(hasStoredSession(root, "Ops")).toBe(true);
      expect(hasStoredSession(root, "default")).toBe(false);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
