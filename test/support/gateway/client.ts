import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { CliResult, OpenClawHome } from "./home.ts";

const CHILD = fileURLToPath(new URL("./client-child.mjs", import.meta.url));

/** The gateway's own time for a method unless the test says otherwise, in milliseconds. */
const TIMEOUT_MS = 120_000;

/** A refusal of the gateway's. */
export class GatewayRefusal extends Error {
  /** The plugin's code for it. */
  readonly matrixCode: string | undefined;

  constructor(what: string, error: { message: string; details?: { matrixCode?: string } }) {
    super(`${what}: ${error.message}`);
    this.name = "GatewayRefusal";
    this.matrixCode = error.details?.matrixCode;
  }
}

type Answer = { ready: true } | { id: number; ok: unknown } | { id: number; error: ConstructorParameters<typeof GatewayRefusal>[1] };

/**
 * Gateway methods, called as the host's command line calls them, and commands of `openclaw matrix`, without its
 * ten seconds of loading each time. A process of its own: the host reads the home of its environment.
 */
export class HostClient {
  readonly #child: ChildProcess;
  readonly #ready: Promise<void>;
  readonly #waiting = new Map<number, { what: string; resolve: (answer: unknown) => void; reject: (error: Error) => void }>();
  #calls = 0;

  constructor(home: OpenClawHome) {
    this.#child = fork(CHILD, { env: home.env, stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#ready = promise;
    this.#child.on("message", (answer: Answer) => {
      if ("ready" in answer) return resolve();
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if ("ok" in answer) waiting?.resolve(answer.ok);
      else waiting?.reject(new GatewayRefusal(waiting.what, answer.error));
    });
    this.#child.on("close", (code) => {
      const error = new Error(`the gateway client ended with ${code}`);
      reject(error);
      for (const waiting of this.#waiting.values()) waiting.reject(error);
    });
    promise.catch(() => undefined);
  }

  /** @throws GatewayRefusal if the method failed */
  call<T = Record<string, unknown>>(method: string, params: object = {}, timeoutMs = TIMEOUT_MS): Promise<T> {
    return this.#ask<T>(method, { method, params, timeoutMs });
  }

  /** `openclaw matrix …`, with what it prints and the code it ends with. */
  matrix(words: readonly string[], options: { input?: string } = {}): Promise<CliResult> {
    return this.#ask<CliResult>(`openclaw matrix ${words.join(" ")}`, { words, input: options.input ?? "" });
  }

  async #ask<T>(what: string, asked: object): Promise<T> {
    await this.#ready;
    const id = ++this.#calls;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { what, resolve: (answer) => resolve(answer as T), reject });
      this.#child.send({ id, ...asked });
    });
  }

  close(): void {
    this.#child.removeAllListeners("close");
    this.#child.kill("SIGKILL");
  }
}
