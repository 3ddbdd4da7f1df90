#!/usr/bin/env node
// The one way in: prepares what a command needs and runs it, on any Node from 20 and with builtins alone.
//
//   node scripts/run.mjs <demo|test|build|artifact|lint|bench|soak|homeserver> [arguments]
import { spawn } from "node:child_process";
import { join } from "node:path";
import { cacheDir } from "./rig/cache.mjs";
import { say, StepFailed } from "./rig/progress.mjs";
import { checkPrerequisites, ensureNode, ensurePackages, root, withPath } from "./rig/toolchain.mjs";

/** @type {Record<string, { rust?: boolean, python?: boolean, openclaw?: boolean }>} what each needs; OpenClaw unless it says no */
const COMMANDS = {
  demo: { rust: true, python: true },
  test: { rust: true, python: true },
  // The bundle leaves OpenClaw to the host, so it need not be here.
  build: { rust: true, openclaw: false },
  artifact: { rust: true, openclaw: false },
  lint: { rust: true },
  bench: { rust: true, python: true },
  soak: { rust: true, python: true },
  homeserver: { python: true },
};

/**
 * Runs a script to its end, passing signals on.
 * @param {string} script
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>}
 */
function runScript(script, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn("node", [script, ...args], { cwd: root, env, stdio: "inherit" });
    // The child cleans up and we wait for it. A Ctrl-C reaches it through the terminal as well; the second is ignored.
    for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, () => child.kill(signal));
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 1)));
  });
}

async function main() {
  const [command = "", ...args] = process.argv.slice(2);
  const needs = COMMANDS[command];
  if (!needs) throw new StepFailed(`Usage: node scripts/run.mjs <${Object.keys(COMMANDS).join("|")}> [arguments]`);
  if (process.env.OPENCLAW_MATRIX_PREPARED !== root) {
    checkPrerequisites(needs);
    const env = withPath(process.env, await ensureNode());
    env.CARGO_TARGET_DIR ||= join(cacheDir(), "target");
    env.OPENCLAW_MATRIX_PREPARED = root;
    // The rest is installed under the Node that will use it.
    return runScript(join(root, "scripts", "run.mjs"), [command, ...args], env);
  }
  await ensurePackages(needs);
  return runScript(join(root, "scripts", `${command}.mjs`), args, process.env);
}

main().then(
  (code) => process.exit(code),
  (error) => {
    say(error instanceof StepFailed ? `\n${error.message}` : String(error?.stack ?? error));
    process.exit(1);
  },
);
