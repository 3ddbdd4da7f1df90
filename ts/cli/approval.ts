/**
 * Homeservers with OAuth have the account's owner approve in a browser what a password proves elsewhere (ENC-3). The
 * link is shown at once, and it is tried again until they have approved.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Outcome } from "../operations/outcome.ts";
import { sentence, terminalText } from "./text.ts";

/** How long the owner may take, as homeservers give them, in milliseconds. */
const APPROVAL_MS = 600_000;
/** Pause before each further try, in milliseconds. */
const AGAIN_MS = 5000;

/** The person who waits, and their time. */
export interface Waiting {
  tell: (line: string) => void;
  pause: (ms: number) => Promise<unknown>;
  now: () => number;
}

const terminalWaiting: Waiting = {
  tell: (line) => void process.stdout.write(`${terminalText(line)}\n`),
  pause,
  now: () => Date.now(),
};

/**
 * The outcome of the first try that is not refused for want of an approval; of the last one when time is up.
 *
 * @param json a script is not kept waiting: it sees `approval_required` and the link, and runs the command again
 */
export async function untilApproved<R extends Outcome>(attempt: () => Promise<R>, json: boolean, waiting: Waiting = terminalWaiting): Promise<R> {
  let outcome = await attempt();
  if (outcome.code !== "approval_required" || json) return outcome;
  waiting.tell(`Approval needed: ${sentence(outcome.error ?? "")}`);
  waiting.tell("This waits for it and goes on by itself. Ctrl-C ends the waiting; nothing is changed by then.");
  const deadline = waiting.now() + APPROVAL_MS;
  while (outcome.code === "approval_required" && waiting.now() < deadline) {
    await waiting.pause(AGAIN_MS);
    outcome = await attempt();
  }
  return outcome;
}
