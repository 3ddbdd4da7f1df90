// Running a command with its output kept aside, while saying what happens and for how long.
import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheDir } from "./cache.mjs";

/** How often a running step says that it is still running, in milliseconds. */
const HEARTBEAT_MS = 15_000;

/**
 * A duration as a person reads it: `7 s`, `2 min 5 s`.
 * @param {number} ms
 */
export function duration(ms) {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** @param {string} line */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** A step that failed, with where its output is; printed without a stack. */
export class StepFailed extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = "StepFailed";
  }
}

/**
 * Says what starts, again every quarter of a minute, and how long it took.
 * @template T
 * @param {string} what
 * @param {(note: (text: string) => void) => Promise<T>} work `note` sets what the next heartbeat adds.
 * @returns {Promise<T>}
 */
export async function step(what, work) {
  const started = Date.now();
  let detail = "";
  say(`· ${what} …`);
  const heartbeat = setInterval(() => {
    say(`  … ${what}: ${duration(Date.now() - started)}${detail && `, ${detail}`}`);
  }, HEARTBEAT_MS);
  try {
    const result = await work((text) => {
      detail = text;
    });
    const took = Date.now() - started;
    if (took > 1000) say(`  ${what}: done in ${duration(took)}`);
    return result;
  } finally {
    clearInterval(heartbeat);
  }
}

/**
 * Runs a command as a step. Its output goes to a log in the cache folder; the end of it is shown when it fails.
 * @param {string} what
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, detail?: (line: string) => string | undefined, onStdout?: (line: string) => void }} [options]
 *   `detail` turns a line of output into what the heartbeat says; `onStdout` takes standard output instead of the log.
 * @returns {Promise<void>}
 */
export function runStep(what, command, args, options = {}) {
  const logFile = join(cacheDir(), "logs", `${what.replace(/[^A-Za-z0-9.]+/g, "-").toLowerCase()}-${process.pid}.log`);
  mkdirSync(dirname(logFile), { recursive: true });
  return step(what, (note) =>
    new Promise((resolve, reject) => {
      const log = createWriteStream(logFile);
      // npm is a batch file on Windows, which runs in a shell alone.
      const shell = command === "npm" && process.platform === "win32";
      const child = spawn(command, args, { cwd: options.cwd, env: options.env ?? process.env, stdio: ["ignore", "pipe", "pipe"], shell });
      let lastError = "";
      for (const stream of [child.stdout, child.stderr]) {
        let rest = "";
        stream.setEncoding("utf8");
        stream.on("data", (/** @type {string} */ text) => {
          if (stream !== child.stdout || !options.onStdout) log.write(text);
          const lines = (rest + text).split("\n");
          rest = lines.pop() ?? "";
          for (const line of lines) {
            if (stream === child.stdout && options.onStdout) options.onStdout(line);
            const said = options.detail?.(line);
            if (said) note(said);
          }
        });
      }
      child.on("error", (error) => {
        lastError = error.message;
      });
      child.on("close", (code, signal) => {
        log.end(() => {
          if (code === 0) return resolve();
          const tail = readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-40).join("\n");
          reject(new StepFailed(`${what} failed (${lastError || (signal ?? `exit code ${code}`)}). The end of ${logFile}:\n${tail}`));
        });
      });
    }),
  );
}
