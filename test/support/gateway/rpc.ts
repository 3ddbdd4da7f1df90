import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { OpenClawHome } from "./home.ts";

const CHILD = fileURLToPath(new URL("./rpc-child.mjs", import.meta.url));

/** The gateway's own time for a method unless the test says otherwise, in milliseconds. */
const TIMEOUT_MS = 120_000;

/** A refusal of the gateway's. */
export class GatewayRefusal extends Error {
  /** The plugin's code for it. */
  readonly matrixCode: string | undefined;

  constructor(method: string, error: { message: string; details?: { matrixCode?: string } }) {
    super(`${method}: ${error.message}`);
    this.name = "GatewayRefusal";
    this.matrixCode = error.details?.matrixCode;
  }
}

type Answer = { ready: true } | { id: number; ok: unknown } | { id: number; error: ConstructorParameters<typeof GatewayRefusal>[1] };

/**
 * Gateway methods, called as the host's command line calls them, without its ten seconds of
 * loading each time. A process of its own: the host's client reads the home of its environment.
 */
export class GatewayRpc {
  readonly #child: ChildProcess;
  readonly #ready: Promise<void>;
  readonly #waiting = new Map<number, { method: string; resolve: (answer: unknown) => void; reject: (error: Error) => void }>();
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
      else waiting?.reject(new GatewayRefusal(waiting.method, answer.error));
    });
    this.#child.on("close", (code) => {
      const error = new Error(`the gateway client ended with ${code}`);
      reject(error);
      for (const waiting of this.#waiting.values()) waiting.reject(error);
    });
    promise.catch(() => undefined);
  }

  /** @throws GatewayRefusal if the method failed */
  async call<T = Record<string, unknown>>(method: string, params: object = {}, timeoutMs = TIMEOUT_MS): Promise<T> {
    await this.#ready;
    const id = ++this.#calls;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { method, resolve: (answer) => resolve(answer as T), reject });
      this.#child.send({ id, method, params, timeoutMs });
    });
  }

  close(): void {
    this.#child.removeAllListeners("close");
    this.#child.kill("SIGKILL");
  }
}
