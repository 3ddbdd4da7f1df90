// How a script ends: exit code, one clear message, and everything it started stopped again.
import { say, StepFailed } from "./progress.mjs";

/** @type {(() => unknown)[]} */
const cleanups = [];

/**
 * Registers what must be undone at exit, also after a failure or Ctrl-C; the last registered runs first.
 * @param {() => unknown} undo
 */
export function atExit(undo) {
  cleanups.push(undo);
}

async function cleanUp() {
  for (let undo = cleanups.pop(); undo; undo = cleanups.pop()) {
    try {
      await undo();
    } catch (error) {
      say(`Cleaning up: ${error instanceof Error ? error.message : error}`);
    }
  }
}

/**
 * Runs a script's body, then everything registered with `atExit`, and exits: 0, the number it returns,
 * or 1 with the message of what it threw. A returned function has the last word after the clean-up.
 * @param {() => Promise<number | void | (() => Promise<number>)>} body
 */
export async function main(body) {
  let ending = false;
  const end = async (/** @type {number | (() => Promise<number>)} */ outcome) => {
    if (ending) return;
    ending = true;
    await cleanUp();
    process.exit(typeof outcome === "number" ? outcome : await outcome());
  };
  for (const [signal, code] of /** @type {const} */ ([["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]])) {
    process.on(signal, () => {
      if (!ending) say("\nStopping …");
      void end(code);
    });
  }
  try {
    await end((await body()) ?? 0);
  } catch (error) {
    if (ending) return;
    say(error instanceof StepFailed ? `\n${error.message}` : String(/** @type {Error} */ (error)?.stack ?? error));
    await end(1);
  }
}
