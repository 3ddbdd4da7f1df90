import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { OpenClawHome } from "./home.ts";

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

/**
 * A person's way to the gateway's methods, from one process that stays: a command of the host's
 * takes ten seconds to load, and a test asks many questions.
 */
export class GatewayRpc {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #calls = new Map<number, Waiting>();
  #last = 0;
  #stderr = "";

  constructor(home: Pick<OpenClawHome, "env">) {
    this.#child = spawn(process.execPath, [join(import.meta.dirname, "rpc-child.ts")], { env: home.env, stdio: "pipe" });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4000);
    });
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#take(line));
    this.#child.once("close", () => {
      for (const call of this.#calls.values()) call.reject(new Error(`the calling process ended: ${this.#stderr}`));
      this.#calls.clear();
    });
    this.#child.stdin.on("error", () => undefined);
  }

  #take(line: string): void {
    // The host may print notes of its own.
    if (!line.startsWith("{")) return;
    const answer = JSON.parse(line) as { id: number; ok?: unknown; error?: string };
    const call = this.#calls.get(answer.id);
    this.#calls.delete(answer.id);
    if (answer.error === undefined) call?.resolve(answer.ok);
    else call?.reject(new Error(answer.error));
  }

  call<T>(method: string, params: Record<string, unknown> = {}): Promise<T> {
    const id = ++this.#last;
    return new Promise<T>((resolve, reject) => {
      this.#calls.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#child.stdin.write(`${JSON.stringify({ id, method, params })}\n`);
    });
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.kill();
    await closed;
  }
}
