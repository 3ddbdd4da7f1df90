import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hasAnyMatrixAuth } from "../../../ts/auth-presence.ts";
import { accountStateDir } from "../../../ts/config/state.ts";

describe("whether anybody is logged in", () => {
  let state: string;
  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), "state-"));
  });
  afterEach(() => rmSync(state, { recursive: true }));
  const present = (env: Record<string, string> = {}) => hasAnyMatrixAuth({ env: { OPENCLAW_STATE_DIR: state, ...env } });

  it.each<[string, Record<string, string>, boolean]>([
    ["nothing at all", {}, false],
    ["a homeserver alone", { MATRIX_HOMESERVER: "https://hs" }, false],
    ["a token alone", { MATRIX_ACCESS_TOKEN: "t" }, false],
    ["homeserver and token", { MATRIX_HOMESERVER: "https://hs", MATRIX_ACCESS_TOKEN: "t" }, true],
    ["homeserver, user and password", { MATRIX_HOMESERVER: "https://hs", MATRIX_USER_ID: "@a:b", MATRIX_PASSWORD: "p" }, true],
    ["a password without its user", { MATRIX_HOMESERVER: "https://hs", MATRIX_PASSWORD: "p" }, false],
    ["a named account", { MATRIX_OPS_HOMESERVER: "https://hs", MATRIX_OPS_ACCESS_TOKEN: "t" }, true],
    ["half in one account, half in another", { MATRIX_OPS_HOMESERVER: "https://hs", MATRIX_WEB_ACCESS_TOKEN: "t" }, false],
  ])("[INS-5] %s", (_title, env, expected) => {
    expect(present(env)).toBe(expected);
  });

  it("[INS-5] a session of an earlier login counts, an account's folder without one does not", () => {
    mkdirSync(accountStateDir(state, "ops"), { recursive: true });
    expect(present()).toBe(false);
    writeFileSync(join(accountStateDir(state, "ops"), "session.json"), "{}");
    expect(present()).toBe(true);
  });
});
