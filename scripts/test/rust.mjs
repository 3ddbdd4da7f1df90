// The Rust tests: runs the binaries that the shared build made, and reads what they print.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { root } from "../rig/toolchain.mjs";

/** @typedef {import("./results.mjs").TestResult} TestResult */
/** @typedef {import("../build/cargo.mjs").TestBinary} TestBinary */

/**
 * `enc_4_rest_of_title` → `[ENC-4] rest of title`; several ids may lead.
 * @param {string} functionName
 */
export function titleOf(functionName) {
  const ids = [];
  let rest = functionName;
  for (let match = /^([a-z]{3})_(\d+)_(.+)$/.exec(rest); match; match = /^([a-z]{3})_(\d+)_(.+)$/.exec(rest)) {
    ids.push(`[${/** @type {string} */ (match[1]).toUpperCase()}-${match[2]}]`);
    rest = /** @type {string} */ (match[3]);
  }
  return ids.length ? `${ids.join("")} ${rest.replaceAll("_", " ")}` : functionName;
}

/**
 * The source file of a test, from the root: as much of the module path as exists as files.
 * @param {TestBinary} binary
 * @param {string[]} modules
 */
function fileOf(binary, modules) {
  const top = dirname(binary.source);
  for (let length = modules.length; length > 0; length--) {
    const path = join(top, ...modules.slice(0, length));
    for (const file of [`${path}.rs`, join(path, "mod.rs")]) if (existsSync(file)) return relative(root, file);
  }
  return relative(root, binary.source);
}

/**
 * Runs one test binary; its output goes to ours.
 * @param {TestBinary} binary
 * @param {{ env?: NodeJS.ProcessEnv, args?: string[] }} [options]
 * @returns {Promise<TestResult[]>}
 */
export function runTestBinary(binary, options = {}) {
  return new Promise((resolve, reject) => {
    /** @type {TestResult[]} */
    const tests = [];
    /** @type {{ passed: number, failed: number, ignored: number } | undefined} */
    let summary;
    // What tests leave beside their folders goes with this one.
    const temporary = mkdtempSync(join(tmpdir(), "openclaw-matrix-rust-"));
    const env = { ...(options.env ?? process.env), TMPDIR: temporary };
    const child = spawn(binary.executable, options.args ?? [], { cwd: binary.directory, env, stdio: ["ignore", "pipe", "inherit"] });
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
      process.stderr.write(text);
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const sum = /^test result: .* (\d+) passed; (\d+) failed; (\d+) ignored/.exec(line);
        if (sum) summary = { passed: Number(sum[1]), failed: Number(sum[2]), ignored: Number(sum[3]) };
        const match = /^test (\S+)(?: - should panic)? \.\.\. .*?(ok|FAILED|ignored(?:,.*)?)$/.exec(line);
        if (!match) continue;
        const path = /** @type {string} */ (match[1]).split("::");
        const name = /** @type {string} */ (path.pop());
        tests.push({
          file: fileOf(binary, path),
          name: [...path.filter((module) => module !== "tests"), titleOf(name)].join(" › "),
          status: match[2] === "ok" ? "passed" : match[2] === "FAILED" ? "failed" : "skipped",
        });
      }
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      rmSync(temporary, { recursive: true, force: true });
      const file = relative(root, binary.source);
      const counted = tests.filter((test) => test.status === "passed").length;
      if (!summary) tests.push({ file, name: `${binary.name} ended early (${signal ?? `exit code ${code}`})`, status: "failed" });
      else if (counted !== summary.passed) tests.push({ file, name: `${binary.name}: read ${counted} passed tests, it says ${summary.passed}`, status: "failed" });
      else if (code !== 0 && summary.failed === 0) tests.push({ file, name: `${binary.name} ended with ${code}`, status: "failed" });
      resolve(tests);
    });
  });
}
