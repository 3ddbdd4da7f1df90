/** What a command costs while the gateway runs, beside the official plugin's and beside one of the same host that asks nobody anything. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { once } from "node:events";
import { registerWithoutDevice } from "../homeserver/users.ts";
import type { OpenClawHome } from "../support/gateway/home.ts";
import { OPENCLAW } from "../support/gateway/home.ts";
import { until } from "../support/process.ts";
import type { Rig } from "../support/rig.ts";
import { median } from "./report.ts";

/** Wall time in milliseconds and peak memory in bytes, one of each a run. */
export interface Timed {
  command: string;
  wall: number[];
  peakRss: number[];
  /** Runs that ended with an error; what they took counts all the same. */
  failed: number;
}

/** The commands of one plugin. */
export interface TimedPlugin {
  name: string;
  commands: Timed[];
}

const ACCOUNT = "bench";

/** What the host takes to load the plugin's command line; asks nobody. */
const NOTHING = ["matrix", "--help"];

/** Commands that both plugins have, in an order in which each finds what it needs. */
const COMMANDS: readonly (readonly string[])[] = [
  NOTHING,
  ["matrix", "encryption", "setup"],
  ["matrix", "verify", "status"],
  ["matrix", "verify", "bootstrap"],
  ["matrix", "verify", "list"],
  ["matrix", "verify", "backup", "status"],
  ["matrix", "devices", "list"],
  ["matrix", "direct", "inspect", "--user-id", "@nobody:matrix.test"],
  ["matrix", "profile", "set", "--name", "Bench"],
];

/** How often the memory is looked at, in milliseconds; the kernel keeps the peak, so only the end can be missed. */
const LOOK_MS = 10;

/** Peak memory of every process of a group, added up. */
class PeakRss {
  readonly #group: number;
  readonly #peaks = new Map<string, number>();

  constructor(group: number) {
    this.#group = group;
  }

  look(): void {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        if (Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]) !== this.#group) continue;
        const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
        if (peak) this.#peaks.set(pid, Number(peak[1]) * 1024);
      } catch {
        // It ended meanwhile.
      }
    }
  }

  get sum(): number {
    return [...this.#peaks.values()].reduce((sum, peak) => sum + peak, 0);
  }
}

async function run(home: OpenClawHome, command: readonly string[]): Promise<{ wall: number; peakRss: number; error?: string }> {
  const args = command === NOTHING ? command : [...command, "--account", ACCOUNT];
  const began = performance.now();
  const child = spawn(process.execPath, [OPENCLAW, ...args], { env: home.env, cwd: home.dir, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const peak = new PeakRss(child.pid ?? 0);
  const looking = setInterval(() => peak.look(), LOOK_MS);
  const [code] = (await once(child, "close")) as [number | null];
  const wall = performance.now() - began;
  clearInterval(looking);
  return { wall, peakRss: peak.sum, error: code === 0 ? undefined : `openclaw ${args.join(" ")} ended with ${code}\n${output}` };
}

/** Times the commands one after the other, as often as asked, each time in the other order. */
export async function timeCommands(name: string, rig: Rig, runs: number): Promise<TimedPlugin> {
  const { home, homeserver } = rig;
  const user = await registerWithoutDevice(homeserver.baseUrl, "bench-commands");
  home.patchMatrix((matrix) => {
    matrix.enabled = true;
    matrix.accounts = {
      [ACCOUNT]: { enabled: true, homeserver: homeserver.baseUrl, ...user, encryption: true, network: { dangerouslyAllowPrivateNetwork: true } },
    };
  });
  const commands = COMMANDS.map((args): Timed => ({ command: `openclaw ${args.join(" ")}`, wall: [], peakRss: [], failed: 0 }));
  // Once to have the account running, its identity made, and the disk's caches filled.
  await until("the account to answer", 300_000, async () => {
    const { error } = await run(home, ["matrix", "verify", "status"]);
    if (error) throw new Error(error);
    return true;
  }, 1000);
  for (let number = 0; number < runs; number++) {
    const order = [...COMMANDS.keys()];
    if (number % 2 === 1) order.reverse();
    for (const index of order) {
      const [timed, command] = [commands[index], COMMANDS[index]];
      if (!timed || !command) continue;
      const { wall, peakRss, error } = await run(home, command);
      timed.wall.push(wall);
      timed.peakRss.push(peakRss);
      if (error) timed.failed++;
    }
  }
  return { name, commands };
}

/** As Markdown, a column for each plugin; the first row is what the host takes by itself. */
export function commandTable(plugins: readonly TimedPlugin[]): string {
  const cell = ({ wall, peakRss, failed }: Timed) => `${(median(wall) / 1000).toFixed(1)} s, ${Math.round(median(peakRss) / 1e6)} MB${failed ? ` (${failed} of ${wall.length} failed)` : ""}`;
  return [
    `| with a running gateway | ${plugins.map(({ name }) => name).join(" | ")} |`,
    `|---|${plugins.map(() => "---:|").join("")}`,
    ...(plugins[0]?.commands ?? []).map(({ command }, index) => `| \`${command}\`${index === 0 ? ", which asks nobody" : ""} | ${plugins.map(({ commands }) => (commands[index] ? cell(commands[index]) : "")).join(" | ")} |`),
  ].join("\n");
}
