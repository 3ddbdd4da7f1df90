import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generated } from "../../scripts/build/manifest.mjs";
import { parseMatrixConfig } from "../../ts/config/schema.ts";
import { matrixChannelBase } from "../../ts/setup/base.ts";
import { sample, schemaPaths, strictObjects } from "./schema-paths.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const json = (file: string) => JSON.parse(readFileSync(join(root, file), "utf8"));

/** The full sample with one unknown key at the given place. */
function withUnknownKey(path: readonly string[]): unknown {
  const config = sample();
  const at = path.reduce<Record<string, unknown>>((level, key) => level[key] as Record<string, unknown>, config as Record<string, unknown>);
  at.mistyped = true;
  return config;
}

describe("the files the host reads", () => {
  it("[WIZ-13] are as scripts/build/manifest.mjs writes them", () => {
    for (const { path, content } of generated()) {
      expect(JSON.parse(readFileSync(path, "utf8")), `run node scripts/build/manifest.mjs, ${path} is out of date`).toEqual(JSON.parse(content));
    }
  });

  it("[INS-3] agree on ids and names", () => {
    const manifest = json("openclaw.plugin.json");
    const { name, version, openclaw } = json("package.json");
    expect(manifest).toMatchObject({ id: "matrix", channels: ["matrix"], version });
    expect(Object.keys(manifest.channelConfigs)).toEqual(["matrix"]);
    expect(openclaw.channel.id).toBe("matrix");
    expect(openclaw.install.npmSpec).toBe(name);
    expect(matrixChannelBase.id).toBe("matrix");
    const { id, label, selectionLabel, docsPath, blurb, order } = openclaw.channel;
    expect(matrixChannelBase.meta).toMatchObject({ id, label, selectionLabel, docsPath, blurb, order });
    expect(openclaw.setupFeatures.configPromotion).toBe(true);
    expect(matrixChannelBase.setupContract.singleAccountKeysToMove).toContain("homeserver");
  });

  it("[INS-4] say that nothing is loaded before somebody asks for it", () => {
    expect(json("openclaw.plugin.json").activation).toEqual({ onStartup: false, onCommands: ["matrix"] });
  });

  it("[INS-7] name exactly the platform packages there are", () => {
    const packages = readdirSync(join(root, "npm")).map((triple) => json(join("npm", triple, "package.json")).name);
    expect(json("package.json").openclaw.install.requiredPlatformPackages).toEqual(packages.sort());
    expect(packages).toContain("openclaw-matrix-rs-linux-x64-gnu");
  });

  it("[WIZ-11] list the same flags as the setup contract", () => {
    expect(json("package.json").openclaw.channel.setup.fields).toEqual(matrixChannelBase.setupContract.metadata.fields);
  });

  it("[WIZ-13] give hints for keys that exist", () => {
    const known = schemaPaths();
    for (const path of Object.keys(json("openclaw.plugin.json").channelConfigs.matrix.uiHints)) expect(known).toContain(path);
  });

  it("[SEC-2] hide every secret", () => {
    const hints = json("openclaw.plugin.json").channelConfigs.matrix.uiHints;
    for (const key of ["accessToken", "password", "recoveryKey", "storePassphrase"]) {
      expect(hints[key]?.sensitive, key).toBe(true);
      expect(hints[`accounts.*.${key}`]?.sensitive, key).toBe(true);
    }
  });
});

describe("the schema itself", () => {
  it("[WIZ-13] takes every key at once", () => {
    expect(parseMatrixConfig(sample())).toMatchObject({ ok: true });
  });

  it.each(strictObjects().map((path) => [["channels.matrix", ...path].join("."), path] as const))(
    "[WIZ-13] refuses an unknown key in %s",
    (_title, path) => {
      const parsed = parseMatrixConfig(withUnknownKey(path));
      expect(parsed.ok ? [] : parsed.problems).toEqual([expect.stringMatching(/\.mistyped: unknown key/)]);
    },
  );
});

describe("the host", () => {
  let home: string;
  const openclaw = join(root, "node_modules", "openclaw", "openclaw.mjs");

  beforeAll(() => {
    if (!existsSync(join(root, "dist", "setup-entry.js"))) throw new Error("dist/ is missing: run `npm run build` first");
    home = mkdtempSync(join(tmpdir(), "openclaw-matrix-manifest-"));
    mkdirSync(join(home, ".openclaw"));
    for (const file of ["dist", "openclaw.plugin.json", "package.json"]) cpSync(join(root, file), join(home, "plugin", file), { recursive: true });
  });

  afterAll(() => {
    if (home) rmSync(home, { recursive: true, force: true });
  });

  /** Runs the host's command line on a configuration, with the plugin at hand. */
  function host(matrix: unknown, ...args: string[]): Promise<{ code: number; output: string }> {
    const config = {
      plugins: { load: { paths: [join(home, "plugin")] }, entries: { matrix: { enabled: true } } },
      channels: { matrix },
    };
    writeFileSync(join(home, ".openclaw", "openclaw.json"), JSON.stringify(config));
    return new Promise((resolve) => {
      const env = { PATH: process.env.PATH, HOME: home, NO_COLOR: "1", MATRIX_SECRET: "s3cret" };
      execFile(process.execPath, [openclaw, ...args], { env, cwd: home, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr });
      });
    });
  }

  it("[WIZ-13] accepts a configuration with every key", async () => {
    // References are not resolved by a validation, but their providers are looked up.
    const { code, output } = await host(sample(), "config", "validate");
    expect(output).toContain("Config valid");
    expect(code).toBe(0);
  });

  // The schema is one and the same on every level; the host stops at its first few findings, so a few levels do.
  it.each([[[]], [["dm"]], [["accounts", "ops"]], [["groups", "!room:example.org"]], [["accounts", "ops", "streaming", "block", "coalesce"]]])(
    "[WIZ-13] names an unknown key in %j",
    async (path) => {
      const { code, output } = await host(withUnknownKey(path), "config", "validate");
      expect(code).not.toBe(0);
      expect(output).toContain(["channels.matrix", ...path].join("."));
      expect(output).toContain('"mistyped"');
    },
  );

  it("[SEC-3] refuses an inline recovery key with the reason", async () => {
    const { code, output } = await host({ recoveryKey: "EsTb long words" }, "config", "validate");
    expect(code).not.toBe(0);
    expect(output).toContain("channels.matrix.recoveryKey");
    expect(output).toContain("takes a SecretRef only");
    expect(output).not.toContain("long words");
  });

  it("[SEC-1] finds and resolves the references through the sidecar", async () => {
    const known = { source: "env", provider: "default", id: "MATRIX_SECRET" };
    const missing = { source: "env", provider: "default", id: "MATRIX_NOT_THERE" };
    const { output } = await host(
      { homeserver: "https://hs.test", accessToken: known, storePassphrase: missing, accounts: { ops: { password: missing, recoveryKey: known } } },
      "secrets",
      "audit",
    );
    expect(output).toContain("channels.matrix.storePassphrase");
    expect(output).toContain("channels.matrix.accounts.ops.password");
    expect(output).toContain("MATRIX_NOT_THERE");
    expect(output).not.toContain("channels.matrix.accessToken");
    expect(output).not.toContain("channels.matrix.accounts.ops.recoveryKey");
    expect(output).not.toContain("s3cret");
  });

  it("[SEC-2] shows no secret in config get", async () => {
    const { output } = await host(
      { accessToken: "syt_plain", password: "hunter2", accounts: { ops: { accessToken: "syt_other" } }, homeserver: "https://hs.test" },
      "config",
      "get",
      "channels.matrix",
    );
    expect(output).toContain("https://hs.test");
    expect(output).not.toMatch(/syt_plain|hunter2|syt_other/);
  });
});
