import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../../scripts/rig/toolchain.mjs";
import { HEARD } from "../files.ts";
import { MODEL_ID } from "../model/server.ts";
import { freePort, makeTempDir, removeDir } from "../process.ts";

/** OpenClaw's own launcher. */
export const OPENCLAW = join(root, "node_modules", "openclaw", "openclaw.mjs");

/** Name the plugin's package is installed by; `npm:` because the bare word means the host's catalog. */
const PLUGIN_SPEC = "npm:openclaw-matrix-rs";

/** How long an installation may take, in milliseconds; from a far registry it fetches much. */
const INSTALL_TIMEOUT_MS = 600_000;

/** The host's configuration, as far as the tests write it. */
export interface HostConfig {
  channels?: { matrix?: Record<string, unknown>; [channel: string]: unknown };
  plugins?: { entries?: Record<string, { enabled?: boolean }>; [key: string]: unknown };
  [key: string]: unknown;
}

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A clean HOME with an OpenClaw in it that talks to the stub model and installs from the local registry. */
export class OpenClawHome {
  readonly dir: string;
  readonly port: number;
  readonly env: NodeJS.ProcessEnv;

  private constructor(dir: string, port: number) {
    this.dir = dir;
    this.port = port;
    // Nothing of the person's own environment but what a program needs to run: no token, no npm setting.
    this.env = {
      PATH: process.env.PATH,
      LANG: process.env.LANG ?? "C.UTF-8",
      TMPDIR: join(dir, "tmp"),
      HOME: dir,
      NO_COLOR: "1",
      OPENCLAW_DISABLE_BONJOUR: "1",
    };
  }

  static async create(options: { modelUrl: string; registryUrl: string }): Promise<OpenClawHome> {
    const home = new OpenClawHome(makeTempDir("home"), await freePort());
    mkdirSync(join(home.dir, "tmp"), { recursive: true });
    mkdirSync(home.stateDir, { recursive: true });
    writeFileSync(join(home.dir, ".npmrc"), `registry=${options.registryUrl}\nupdate-notifier=false\naudit=false\nfund=false\n`);
    home.#write({
      gateway: { mode: "local", port: home.port, bind: "loopback", auth: { mode: "token", token: randomBytes(16).toString("hex") } },
      models: {
        providers: {
          stub: {
            baseUrl: `${options.modelUrl}/v1`,
            apiKey: "x",
            api: "openai-completions",
            models: [
              {
                id: MODEL_ID,
                name: "Stub",
                contextWindow: 200_000,
                maxTokens: 8000,
                input: ["text", "image"],
                reasoning: false,
                cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
              },
            ],
          },
        },
      },
      // A session a person, as with several people one has it: what one scenario leaves open is not another's business.
      session: { dmScope: "per-account-channel-peer" },
      // The default is a file in /tmp that every gateway of the machine writes.
      logging: { file: join(home.dir, "openclaw.log") },
      // Every tool by its own name, as the stub model calls it; and who listens to recordings.
      tools: {
        toolSearch: false,
        media: {
          models: [{ type: "cli", command: process.execPath, args: ["-e", HEARD, "{{AttachmentPath}}"], capabilities: ["audio"] }],
          audio: { enabled: true, echoTranscript: true },
        },
      },
      agents: { defaults: { model: { primary: `stub/${MODEL_ID}` } } },
    });
    return home;
  }

  /** One that another process has created. */
  static at(address: { dir: string; port: number }): OpenClawHome {
    return new OpenClawHome(address.dir, address.port);
  }

  get stateDir(): string {
    return join(this.dir, ".openclaw");
  }

  get #configFile(): string {
    return join(this.stateDir, "openclaw.json");
  }

  readConfig(): HostConfig {
    return JSON.parse(readFileSync(this.#configFile, "utf8")) as HostConfig;
  }

  #write(config: HostConfig): void {
    // In place, not by renaming: the host's watcher loses a file that is replaced twice in quick succession.
    writeFileSync(this.#configFile, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  }

  /** Edits the configuration as a person does, with the host's own `meta` block left alone; a running gateway reloads it. */
  patch(edit: (config: HostConfig) => void): void {
    const config = this.readConfig();
    edit(config);
    this.#write(config);
  }

  /** Edits `channels.matrix`. */
  patchMatrix(edit: (matrix: Record<string, unknown>) => void): void {
    this.patch((config) => {
      const matrix = config.channels?.matrix ?? {};
      edit(matrix);
      config.channels = { ...config.channels, matrix };
    });
  }

  /** Runs an `openclaw` command to its end. */
  cli(args: string[], options: { timeoutMs?: number; input?: string; env?: Record<string, string> } = {}): Promise<CliResult> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [OPENCLAW, ...args], { env: { ...this.env, ...options.env }, cwd: this.dir, stdio: "pipe", detached: true });
      let stdout = "";
      let stderr = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
      child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
      const timer = setTimeout(() => {
        if (child.pid) process.kill(-child.pid, "SIGKILL");
        reject(new Error(`openclaw ${args.join(" ")} did not end within ${(options.timeoutMs ?? 180_000) / 1000} s\n${stdout}\n${stderr}`));
      }, options.timeoutMs ?? 180_000);
      child.on("error", reject);
      child.on("close", (code) => {
        clearTimeout(timer);
        resolve({ code, stdout, stderr });
      });
      child.stdin.end(options.input ?? "");
    });
  }

  /** The same, for commands that must succeed; answers what was printed. */
  async run(args: string[], options: { timeoutMs?: number } = {}): Promise<string> {
    const { code, stdout, stderr } = await this.cli(args, options);
    if (code !== 0) throw new Error(`openclaw ${args.join(" ")} ended with ${code}\n${stdout}\n${stderr}`);
    return stdout;
  }

  /** As the README says, answered without a terminal; then enabled, as an operator's trust in a third party's plugin. */
  async installPlugin(spec = PLUGIN_SPEC): Promise<string> {
    const output = await this.run(["plugins", "install", spec, "--force", "--accept-capabilities"], { timeoutMs: INSTALL_TIMEOUT_MS });
    this.patch((config) => {
      config.plugins = { ...config.plugins, entries: { ...config.plugins?.entries, matrix: { ...config.plugins?.entries?.matrix, enabled: true } } };
    });
    return output;
  }

  remove(): void {
    removeDir(this.dir);
  }
}
