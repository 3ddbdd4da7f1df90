// What is checked without running anything: formats, lints, types, import rules, licences.
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { CARGO_SELECTION, buildEnv } from "../build/cargo.mjs";
import { installOnce } from "../rig/cache.mjs";
import { runStep, say, step } from "../rig/progress.mjs";
import { root } from "../rig/toolchain.mjs";

/** @typedef {import("./results.mjs").TestResult} TestResult */

const CARGO_DENY_VERSION = "0.20.2";

/** @param {string} name */
const npmBin = (name) => join(root, "node_modules", ".bin", name);

/** @type {{ name: string, command: string, args: string[], needs?: string }[]} */
const CHECKS = [
  { name: "oxlint: lints and import rules", command: npmBin("oxlint"), args: ["--deny-warnings", "ts", "test", "scripts", "vitest.config.ts"] },
  { name: "tsc: types", command: npmBin("tsc"), args: ["--project", "tsconfig.json"] },
  { name: "cargo fmt: format", command: "cargo", args: ["fmt", "--all", "--check"], needs: "fmt" },
  { name: "cargo clippy: lints", command: "cargo", args: ["clippy", ...CARGO_SELECTION, "--quiet", "--", "-D", "warnings"], needs: "clippy" },
];

/**
 * cargo-deny in the cache folder, compiled when it is not there.
 * @returns {Promise<string>}
 */
async function ensureCargoDeny() {
  const dir = await installOnce(`cargo-deny-${CARGO_DENY_VERSION}`, (prefix) =>
    runStep(`Compiling cargo-deny ${CARGO_DENY_VERSION}`, "cargo", ["install", "--locked", "--root", prefix, `cargo-deny@${CARGO_DENY_VERSION}`], {
      detail: (line) => /^\s*Compiling (\S+)/.exec(line)?.[1],
    }),
  );
  return join(dir, "bin", "cargo-deny");
}

/**
 * @param {{ name: string, command: string, args: string[] }} check
 * @returns {Promise<boolean>}
 */
function run(check) {
  return step(check.name, () =>
    new Promise((resolve, reject) => {
      const child = spawn(check.command, check.args, { cwd: root, env: buildEnv(), stdio: ["ignore", "pipe", "pipe"] });
      let output = "";
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
      child.on("error", reject);
      child.on("close", (code) => {
        if (code !== 0) say(output.trimEnd());
        resolve(code === 0);
      });
    }),
  );
}

/**
 * Runs every check. A machine whose Rust has no rustfmt or clippy skips those two.
 * @param {{ deny?: boolean }} [options] `deny` adds cargo-deny, which is compiled first where it is missing.
 * @returns {Promise<TestResult[]>}
 */
export async function lint(options = {}) {
  const checks = [...CHECKS];
  if (options.deny) {
    checks.push({ name: "cargo deny: licences, bans, sources", command: await ensureCargoDeny(), args: ["--locked", "check", "licenses", "bans", "sources"] });
  }
  /** @type {TestResult[]} */
  const results = [];
  for (const check of checks) {
    if (check.needs && spawnSync("cargo", [check.needs, "--version"], { cwd: root, stdio: "ignore" }).status !== 0) {
      say(`· ${check.name}: skipped, this Rust has no cargo ${check.needs}`);
      results.push({ file: "scripts/test/lint.mjs", name: check.name, status: "skipped" });
      continue;
    }
    results.push({ file: "scripts/test/lint.mjs", name: check.name, status: (await run(check)) ? "passed" : "failed" });
  }
  return results;
}
