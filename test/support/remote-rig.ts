import { get } from "node:http";
import { Homeserver } from "../homeserver/homeserver.ts";
import { OpenClawHome } from "./gateway/home.ts";
import { ModelControl } from "./model/client.ts";
import { until } from "./process.ts";
import type { RigAddress } from "./rig.ts";

/** A call of the rig's control server; no time limit, because a gateway may take minutes to start. */
function call<T>(control: string, name: string): Promise<T> {
  return new Promise((resolve, reject) => {
    get(`${control}/${name}`, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => {
        const answer = JSON.parse(text) as { ok: T } | { error: string };
        if ("error" in answer) reject(new Error(answer.error));
        else resolve(answer.ok);
      });
    }).on("error", reject);
  });
}

/** The rig as a test sees it. */
export class RemoteRig {
  readonly homeserver: Homeserver;
  /** Synapse's folder, for what no request shows. */
  readonly homeserverDir: string;
  readonly model: ModelControl;
  readonly home: OpenClawHome;
  readonly mappedUnconfigured: string[];
  readonly #control: string;

  private constructor(address: RigAddress) {
    this.#control = address.control;
    this.homeserver = new Homeserver(address.homeserver.baseUrl, address.homeserver.serverName);
    this.homeserverDir = address.homeserver.dir;
    this.model = new ModelControl(address.modelUrl);
    this.home = OpenClawHome.at(address.home);
    this.mappedUnconfigured = address.mappedUnconfigured;
  }

  /** The rig that `npm test` has started. */
  static connect(): RemoteRig {
    const address = process.env.OPENCLAW_MATRIX_RIG;
    if (!address) throw new Error("There is no rig to test on: run `npm test -- --tier e2e`, which starts it.");
    return new RemoteRig(JSON.parse(address) as RigAddress);
  }

  readonly gateway = {
    start: (): Promise<void> => call(this.#control, "gateway.start"),
    /** SIGTERM; false when it had to be killed after the grace. */
    stop: (): Promise<boolean> => call(this.#control, "gateway.stop"),
    /** `kill -9`. */
    kill: (): Promise<void> => call(this.#control, "gateway.kill"),
    /** SIGSTOP. */
    freeze: (): Promise<void> => call(this.#control, "gateway.freeze"),
    thaw: (): Promise<void> => call(this.#control, "gateway.thaw"),
    log: (): Promise<string> => call(this.#control, "gateway.log"),
    mappedFiles: (): Promise<string[]> => call(this.#control, "gateway.mappedFiles"),
    /** Waits for a line; `after` is a length of the log to start looking from. */
    waitForLog: async (line: RegExp, options: { after?: number; timeoutMs?: number } = {}): Promise<string> => {
      let log = "";
      return until(`the gateway to log ${line}`, options.timeoutMs ?? 60_000, async () => {
        log = await this.gateway.log();
        return line.exec(log.slice(options.after ?? 0))?.[0];
      }, 300).catch((error: Error) => {
        throw new Error(`${error.message}\nIts last lines:\n${log.slice(-4000)}`);
      });
    },
  };

  readonly homeserverProcess = {
    /** Connections are refused. */
    stop: (): Promise<void> => call(this.#control, "homeserver.stop"),
    /** The same with SIGKILL. */
    kill: (): Promise<void> => call(this.#control, "homeserver.kill"),
    resume: (): Promise<void> => call(this.#control, "homeserver.resume"),
    /** Connections are taken and never answered. */
    freeze: (): Promise<void> => call(this.#control, "homeserver.freeze"),
    thaw: (): Promise<void> => call(this.#control, "homeserver.thaw"),
  };
}
