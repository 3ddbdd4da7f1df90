import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { until } from "./process.ts";

const RUNNER = fileURLToPath(new URL("./terminal.py", import.meta.url));

/** A command in a pseudo-terminal, and the person in front of it. */
export class Terminal {
  readonly #child: ChildProcessWithoutNullStreams;
  #shown = "";
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
