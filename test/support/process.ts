import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** A loopback port that nobody listens on at the moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (address && typeof address === "object" ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}

/** A private folder for one run. */
export function makeTempDir(what: string): string {
  return mkdtempSync(join(tmpdir(), `openclaw-matrix-${what}-`));
}

export function removeDir(dir: string): void {
  rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

/** Asks until the answer is neither undefined nor false; the error names what was waited for. */
export async function until<T>(what: string, timeoutMs: number, ask: () => Promise<T | undefined | false> | T | undefined | false, everyMs = 100): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs / 1000} s for ${what}${lastError ? `; last error: ${String(lastError)}` : ""}`);
    await pause(everyMs);
  }
}

/** A server of ours in a process group of its own, with its output in a file. */
export class Daemon {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #output = "";

  constructor(name: string, command: string, args: string[], options: { env: NodeJS.ProcessEnv; cwd?: string; logFile: string; /** Its standard input ends when this process does. */ tied?: boolean }) {
    this.name = name;
    const log = createWriteStream(options.logFile, { flags: "a" });
    this.#child = spawn(command, args, { cwd: options.cwd, env: options.env, detached: true, stdio: [options.tied ? "pipe" : "ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (data: Buffer) => {
        log.write(data);
        this.#output += data.toString("utf8");
      });
    }
    this.#exited = new Promise((resolve) => {
      const done = (): void => {
        log.end();
        resolve();
      };
      this.#child.once("error", (error) => {
        this.#output += `${error.message}\n`;
        done();
      });
      this.#child.once("close", done);
    });
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${this.name} could not be started: ${this.#output}`);
    return pid;
  }

  /** All it has written so far. */
  get output(): string {
    return this.#output;
  }

  get running(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Signals the process and everything it started. */
  signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }

  /**
   * SIGTERM, and SIGKILL to what is left of the group after `graceMs`.
   * @returns whether the process itself ended in time
   */
  async stop(graceMs = 15_000): Promise<boolean> {
    if (this.#child.pid === undefined) return true;
    this.signal("SIGTERM");
    const ended = await Promise.race([this.#exited.then(() => true), pause(graceMs, false, { ref: false })]);
    this.signal("SIGKILL");
    await this.#exited;
    return ended;
  }

  /** As the kernel's out-of-memory killer does it. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#exited;
  }
}
