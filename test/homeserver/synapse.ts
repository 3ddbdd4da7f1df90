import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureVenv } from "../../scripts/rig/toolchain.mjs";
import { Daemon, freePort, makeTempDir, removeDir, until } from "../support/process.ts";
import { synapseConfig, synapseLogConfig } from "./config.ts";
import { Homeserver } from "./homeserver.ts";

/** How long Synapse may take to answer for the first time, in milliseconds. */
const START_TIMEOUT_MS = 120_000;

const SERVER_NAME = "matrix.test";

/** A Synapse of our own: loopback, SQLite in a temporary folder, open registration, no rate limits, no federation. */
export class Synapse extends Homeserver {
  readonly python: string;
  readonly dir: string;
  readonly port: number;
  #daemon: Daemon | undefined;

  private constructor(python: string, dir: string, port: number) {
    super(`http://127.0.0.1:${port}`, SERVER_NAME);
    this.python = python;
    this.dir = dir;
    this.port = port;
  }

  /** Installs it when needed and starts it. */
  static async start(): Promise<Synapse> {
    const python = await ensureVenv("matrix-synapse", "test/homeserver/requirements.txt");
    const dir = makeTempDir("homeserver");
    const synapse = new Synapse(python, dir, await freePort());
    writeFileSync(join(dir, "homeserver.yaml"), JSON.stringify(synapseConfig({ dir, serverName: synapse.serverName, port: synapse.port }), null, 2));
    writeFileSync(join(dir, "log.yaml"), JSON.stringify(synapseLogConfig));
    execFileSync(python, ["-m", "synapse.app.homeserver", "--config-path", join(dir, "homeserver.yaml"), "--generate-keys"], { cwd: dir, stdio: "ignore" });
    try {
      await synapse.resume();
    } catch (error) {
      await synapse.remove();
      throw error;
    }
    return synapse;
  }

  get pid(): number {
    if (!this.#daemon) throw new Error("Synapse is not running");
    return this.#daemon.pid;
  }

  /** Starts it again, on its old port and data, after `stop()`. */
  async resume(): Promise<void> {
    const daemon = new Daemon("Synapse", this.python, ["-m", "synapse.app.homeserver", "--config-path", join(this.dir, "homeserver.yaml")], {
      cwd: this.dir,
      env: process.env,
      logFile: join(this.dir, "homeserver.log"),
    });
    this.#daemon = daemon;
    await until("Synapse to answer", START_TIMEOUT_MS, async () => {
      if (!daemon.running) throw new Error(`Synapse ended:\n${daemon.output.slice(-3000)}`);
      return (await fetch(`${this.baseUrl}/_matrix/client/versions`)).ok;
    });
  }

  /** Connections are refused until `resume()`. */
  async stop(): Promise<void> {
    await this.#daemon?.stop();
    this.#daemon = undefined;
  }

  /** The same with SIGKILL. */
  async kill(): Promise<void> {
    await this.#daemon?.kill();
    this.#daemon = undefined;
  }

  /** SIGSTOP: connections are taken and never answered until `thaw()`. */
  freeze(): void {
    this.#daemon?.signal("SIGSTOP");
  }

  thaw(): void {
    this.#daemon?.signal("SIGCONT");
  }

  /** Stops it and deletes its data. */
  async remove(): Promise<void> {
    this.thaw();
    await this.stop();
    removeDir(this.dir);
  }
}
