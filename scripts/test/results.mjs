// What the runners found: test-results/<runner>.json, and the sum at the end.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../rig/toolchain.mjs";
import { duration, say } from "../rig/progress.mjs";

/** @typedef {{ file: string, name: string, status: "passed" | "failed" | "skipped" }} TestResult */

export const resultsDir = join(root, "test-results");

/** The commit the results belong to; empty outside a git checkout. */
function commitId() {
  try {
    return execFileSync("git", ["rev-parse", "HEAD"], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
}

export class Results {
  #commit = commitId();
  /** @type {Map<string, TestResult[]>} */
  #runners = new Map();
  /** @type {[string, number][]} */
  #times = [];

  constructor() {
    // Results of an earlier run must not speak for this one.
    rmSync(resultsDir, { recursive: true, force: true });
    mkdirSync(resultsDir, { recursive: true });
  }

  /**
   * Runs one tier; what it throws is a failure of it.
   * @param {string} runner
   * @param {string} file what a failure of the tier as a whole is attributed to
   * @param {() => Promise<TestResult[]>} run
   */
  async tier(runner, file, run) {
    say(`\n── ${runner}`);
    const started = Date.now();
    /** @type {TestResult[]} */
    let tests;
    try {
      tests = await run();
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
      tests = [{ file, name: `${runner} could not run`, status: "failed" }];
    }
    this.#times.push([runner, Date.now() - started]);
    this.#runners.set(runner, tests);
    writeFileSync(join(resultsDir, `${runner}.json`), `${JSON.stringify({ commit: this.#commit, tests }, null, 1)}\n`);
    const count = this.#count(tests);
    say(`   ${runner}: ${count.passed} passed, ${count.failed} failed${count.skipped ? `, ${count.skipped} skipped` : ""} in ${duration(Date.now() - started)}`);
  }

  /** @param {TestResult[]} tests */
  #count(tests) {
    const count = { passed: 0, failed: 0, skipped: 0 };
    for (const test of tests) count[test.status]++;
    return count;
  }

  /**
   * Says how long each tier took, what failed, and last of all the sum.
   * @returns {number} the exit code
   */
  finish() {
    const all = [...this.#runners.values()].flat();
    const { passed, failed, skipped } = this.#count(all);
    say(`\nTime: ${this.#times.map(([runner, ms]) => `${runner} ${duration(ms)}`).join(", ")}`);
    for (const test of all) if (test.status === "failed") say(`FAILED ${test.file}: ${test.name}`);
    // A run that tested nothing has shown nothing.
    const ok = failed === 0 && passed > 0;
    process.stdout.write(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}\n`);
    return ok ? 0 : 1;
  }
}
