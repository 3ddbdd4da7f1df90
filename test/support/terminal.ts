import { spawn } from "node:child_process";
import { join } from "node:path";
import { OPENCLAW, type OpenClawHome } from "./gateway/home.ts";

/** What a question is known by, and the keys that answer it. */
export type Step = readonly [question: RegExp, keys: string];

export const ENTER = "\r";
export const UP = "\u001b[A";
export const DOWN = "\u001b[B";

/** How long a whole conversation may take, in milliseconds. */
const TIMEOUT_MS = 240_000;

/** Runs an `openclaw` command in a pseudo-terminal, as a person at a keyboard does; answers what was shown. */
export async function atTerminal(home: OpenClawHome, args: readonly string[], steps: readonly Step[], env: Record<string, string> = {}): Promise<string> {
  const job = {
    argv: [process.execPath, OPENCLAW, ...args],
    cwd: home.dir,
    env: { ...home.env, TERM: "xterm", ...env },
    steps: steps.map(([question, keys]) => [question.source, keys]),
    timeout: TIMEOUT_MS / 1000,
  };
  const child = spawn("python3", [join(import.meta.dirname, "terminal.py")], { stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => (output += part));
  child.stdin.end(JSON.stringify(job));
  const ended = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (ended !== 0) throw new Error(`the terminal ended with ${ended}`);
  const { code, text, missed } = JSON.parse(output) as { code: number | null; text: string; missed: string | null };
  if (missed !== null) throw new Error(`never asked: ${missed}\n${text.slice(-3000)}`);
  if (code !== 0) throw new Error(`openclaw ${args.join(" ")} ended with ${code}\n${text.slice(-3000)}`);
  return text;
}
