import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { OPENCLAW, type OpenClawHome } from "./gateway/home.ts";
import { until } from "./process.ts";

const RUNNER = fileURLToPath(new URL("./terminal.py", import.meta.url));

/** A command in a pseudo-terminal, and the person in front of it. */
export class Terminal {
  readonly #child: ChildProcessWithoutNullStreams;
  #shown = "";
  /** How much of the screen was answered. */
  #answered = 0;
  /** The command's exit code. */
  readonly ended: Promise<number | null>;

  constructor(command: readonly string[], options: { env: NodeJS.ProcessEnv; cwd: string }) {
    this.#child = spawn("python3", [RUNNER, ...command], { ...options, env: { ...options.env, TERM: "xterm-256color" }, stdio: "pipe" });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#shown += text));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#shown += text));
    this.ended = new Promise((resolve, reject) => void this.#child.on("error", reject).on("close", resolve));
  }

  /** Everything it has shown, what was typed included; without colours and movements. */
  get screen(): string {
    // oxlint-disable-next-line no-control-regex -- the sequences of a terminal are control characters
    return this.#shown.replace(/\u001B(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007]*\u0007)/g, "").replaceAll("\r\n", "\n");
  }

  /** Waits until it shows something. */
  async shows(what: RegExp, timeoutMs = 120_000): Promise<string> {
    return until(`the terminal to show ${what}`, timeoutMs, () => what.exec(this.screen)?.[0]).catch((error: Error) => {
      throw new Error(`${error.message}\nIt shows:\n${this.screen}`);
    });
  }

  /** Waits for a question behind the last one, until nothing more is being drawn, and answers it key by key. */
  async answers(question: RegExp, keys: string, timeoutMs: number): Promise<void> {
    let before = -1;
    await until(`the terminal to ask ${question}`, timeoutMs, () => {
      const rested = before === this.#shown.length;
      before = this.#shown.length;
      return rested && question.test(this.screen.slice(this.#answered));
    }, 500).catch((error: Error) => {
      throw new Error(`${error.message}\nIt shows:\n${this.screen.slice(-3000)}`);
    });
    this.#answered = this.screen.length;
    // A prompt is drawn before it listens.
    await setTimeout(400);
    // oxlint-disable-next-line no-control-regex -- as above
    for (const key of keys.match(/\u001b\[[A-D]|[^]/g) ?? []) {
      this.#child.stdin.write(key);
      await setTimeout(50);
    }
  }

  close(): void {
    this.#child.kill();
  }

  type(line: string): void {
    this.#child.stdin.write(`${line}\r`);
  }

  /** Waits for the end of the command, which has to be a success. */
  async succeeds(): Promise<string> {
    const code = await this.ended;
    if (code !== 0) throw new Error(`the command ended with ${code}:\n${this.screen}`);
    return this.screen;
  }
}

/** What a question is known by, and the keys that answer it. */
export type Step = readonly [question: RegExp, keys: string];

export const ENTER = "\r";
export const UP = "\u001b[A";
export const DOWN = "\u001b[B";

/** How long a question may take to come, in milliseconds. */
const PATIENCE_MS = 120_000;

/** Runs an `openclaw` command in a pseudo-terminal, as a person at a keyboard does; answers what was shown. */
export async function atTerminal(home: OpenClawHome, args: readonly string[], steps: readonly Step[], env: Record<string, string> = {}): Promise<string> {
  const terminal = new Terminal([process.execPath, OPENCLAW, ...args], { cwd: home.dir, env: { ...home.env, LINES: "60", COLUMNS: "200", ...env } });
  try {
    for (const [question, keys] of steps) await terminal.answers(question, keys, PATIENCE_MS);
    return await terminal.succeeds();
  } finally {
    terminal.close();
  }
}
