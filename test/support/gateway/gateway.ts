import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon, until } from "../process.ts";
import { OPENCLAW, type OpenClawHome } from "./home.ts";

/** How long a gateway may take until it is ready, in milliseconds. */
const READY_TIMEOUT_MS = 300_000;

/** How often one start is tried: on a busy machine the host's own deadlines end it. */
const STARTS = 4;

class EndedEarly extends Error {}

/** How long it may take to end, in milliseconds: what systemd grants by default. */
const STOP_GRACE_MS = 90_000;

/** `openclaw gateway run` in its own session. */
export class Gateway {
  readonly home: OpenClawHome;
  #daemon: Daemon | undefined;
  #past = "";
  /** Ends that were asked for: a start that one of them cut off is not tried again. */
  #ends = 0;

  constructor(home: OpenClawHome) {
    this.home = home;
  }

  get pid(): number {
    if (!this.#daemon) throw new Error("the gateway is not running");
    return this.#daemon.pid;
  }

  get running(): boolean {
    return this.#daemon?.running ?? false;
  }

  /** Everything it has printed since the first start. */
  get log(): string {
    return this.#past + (this.#daemon?.output ?? "");
  }

  get logFile(): string {
    return join(this.home.dir, "gateway.log");
  }

  /** Starts it and waits until it says that it is ready. One that ends on the way is started again, as a service manager does. */
  async start(): Promise<void> {
    const ends = this.#ends;
    for (let tries = 1; ; tries++) {
      try {
        return await this.#startOnce();
      } catch (error) {
        if (!(error instanceof EndedEarly) || tries === STARTS || ends !== this.#ends) throw error;
      }
    }
  }

  async #startOnce(): Promise<void> {
    const daemon = new Daemon("the gateway", process.execPath, [OPENCLAW, "gateway", "run", "--port", String(this.home.port)], {
      env: this.home.env,
      cwd: this.home.dir,
      logFile: this.logFile,
    });
    this.#daemon = daemon;
    let ended = false;
    try {
      await until("the gateway to be ready", READY_TIMEOUT_MS, () => {
        ended = !daemon.running;
        return ended || /\[gateway\] ready\b/.test(daemon.output);
      });
    } catch (error) {
      await this.#kill();
      throw new Error(`${(error as Error).message}\n${daemon.output.slice(-6000)}`, { cause: error });
    }
    if (!ended) return;
    await this.#kill();
    throw new EndedEarly(`The gateway ended before it was ready.\n${daemon.output.slice(-6000)}`);
  }

  #forget(): void {
    this.#past = this.log;
    this.#daemon = undefined;
  }

  /**
   * As a service manager stops it.
   * @returns false when it had not ended after the grace and was killed
   */
  async stop(): Promise<boolean> {
    this.#ends++;
    const ended = (await this.#daemon?.stop(STOP_GRACE_MS)) ?? true;
    this.#forget();
    return ended;
  }

  /** SIGSTOP: everything stands still until `thaw()`. */
  freeze(): void {
    this.#daemon?.signal("SIGSTOP");
  }

  thaw(): void {
    this.#daemon?.signal("SIGCONT");
  }

  /** `kill -9`, the gateway and all it started. */
  async kill(): Promise<void> {
    this.#ends++;
    await this.#kill();
  }

  async #kill(): Promise<void> {
    await this.#daemon?.kill();
    this.#forget();
  }

  /** The files mapped into the gateway and its children, for what must not be loaded. */
  mappedFiles(): string[] {
    const group = this.pid;
    const files = new Set<string>();
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        // Fields after the command, which may contain spaces: state, parent, process group.
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        if (Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]) !== group) continue;
        for (const match of readFileSync(`/proc/${pid}/maps`, "utf8").matchAll(/(\/\S.*)$/gm)) files.add(match[1] as string);
      } catch {
        // It ended meanwhile.
      }
    }
    return [...files];
  }
}
