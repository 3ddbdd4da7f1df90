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

const SYNAPSE = ["-m", "synapse.app.homeserver"];

/** Synapse that ends with its standard input: the worker of a test file is killed without a chance to clean up. */
const TIED = ["-c", "import os, sys, threading; threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start(); from synapse.app.homeserver import main; main()"];

/** A Synapse of our own: loopback, SQLite in a temporary folder, open registration, no rate limits. */
export class Synapse extends Homeserver {
  readonly python: string;
  readonly dir: string;
  readonly port: number;
  readonly #tied: boolean;
  #daemon: Daemon | undefined;

  private constructor(python: string, dir: string, port: number, options: { serverName: string; tied: boolean }) {
    super(`http://127.0.0.1:${port}`, options.serverName);
    this.python = python;
    this.dir = dir;
    this.port = port;
    this.#tied = options.tied;
  }

  /**
   * Installs it when needed and starts it.
   * @param options.federates other homeservers find it by its name, `localhost` and a port
   * @param options.tied it ends with this process, however that ends
   */
  static async start({ federates = false, tied = false } = {}): Promise<Synapse> {
    const python = await ensureVenv("matrix-synapse", "test/homeserver/requirements.txt");
    const dir = makeTempDir("homeserver");
    const federationPort = federates ? await freePort() : undefined;
    const synapse = new Synapse(python, dir, await freePort(), { serverName: federates ? `localhost:${federationPort}` : SERVER_NAME, tied });
    const config = synapseConfig({ dir, serverName: synapse.serverName, port: synapse.port, federationPort });
    writeFileSync(join(dir, "homeserver.yaml"), JSON.stringify(config, null, 2));
    writeFileSync(join(dir, "log.yaml"), JSON.stringify(synapseLogConfig));
    execFileSync(python, [...SYNAPSE, "--config-path", join(dir, "homeserver.yaml"), "--generate-keys"], { cwd: dir, stdio: "ignore" });
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
    const daemon = new Daemon("Synapse", this.python, [...(this.#tied ? TIED : SYNAPSE), "--config-path", join(this.dir, "homeserver.yaml")], {
      tied: this.#tied,
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
