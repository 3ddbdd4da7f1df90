// The TypeScript tests: a tier is one vitest project, or two side by side.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../rig/toolchain.mjs";

/** @typedef {import("./results.mjs").TestResult} TestResult */

/**
 * @param {"unit" | "contract" | "e2e" | "alone" | "crypto"} project
 * @param {{ env?: NodeJS.ProcessEnv, args?: string[] }} [options]
 * @returns {Promise<TestResult[]>}
 */
export async function runVitest(project, options = {}) {
  const dir = mkdtempSync(join(tmpdir(), "openclaw-matrix-results-"));
  const file = join(dir, "results.json");
  try {
    const code = await new Promise((resolve, reject) => {
      const child = spawn(
        process.execPath,
        [
          join(root, "node_modules", "vitest", "vitest.mjs"),
          "run",
          `--project=${project}`,
          "--passWithNoTests",
          ["e2e", "alone", "crypto"].includes(project) ? "--reporter=verbose" : "--reporter=default",
          `--reporter=${join(root, "test", "support", "results-reporter.ts")}`,
          ...(options.args ?? []),
        ],
        // Standard output carries our last line alone.
        { cwd: root, env: { ...process.env, ...options.env, TEST_RESULTS_FILE: file }, stdio: ["ignore", 2, 2] },
      );
      child.on("error", reject);
      child.on("close", resolve);
    });
    /** @type {TestResult[]} */
    const tests = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
    if (code !== 0 && !tests.some((test) => test.status === "failed")) tests.push({ file: `test/${project}/`, name: `vitest ended with ${code}`, status: "failed" });
    return tests;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
