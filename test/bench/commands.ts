/** What a command costs while the gateway runs, beside commands of the same host that ask nobody anything. */
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
  /** What it does. */
  does: string;
  wall: number[];
  peakRss: number[];
}

const ACCOUNT = "bench";

const COMMANDS: readonly { args: string[]; does: string }[] = [
  { args: ["matrix", "verify", "status", "--account", ACCOUNT], does: "asks the gateway, and the gateway the homeserver" },
  { args: ["matrix", "--help"], does: "asks nobody: what the host takes to load the plugin's command line" },
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

async function run(home: OpenClawHome, args: string[]): Promise<{ wall: number; peakRss: number }> {
  const began = performance.now();
  const child = spawn(process.execPath, [OPENCLAW, ...args], { env: home.env, cwd: home.dir, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const peak = new PeakRss(child.pid ?? 0);
  const looking = setInterval(() => peak.look(), LOOK_MS);
  const [code] = (await once(child, "close")) as [number | null];
  const wall = performance.now() - began;
  clearInterval(looking);
  if (code !== 0) throw new Error(`openclaw ${args.join(" ")} ended with ${code}\n${output}`);
  return { wall, peakRss: peak.sum };
}

/** Times the commands one after the other, as often as asked, each time in the other order. */
export async function timeCommands(rig: Rig, runs: number): Promise<Timed[]> {
  const { home, homeserver } = rig;
  const user = await registerWithoutDevice(homeserver.baseUrl, "bench-commands");
  home.patchMatrix((matrix) => {
    matrix.enabled = true;
    matrix.accounts = {
      [ACCOUNT]: { enabled: true, homeserver: homeserver.baseUrl, ...user, encryption: true, network: { dangerouslyAllowPrivateNetwork: true } },
    };
  });
  const timed = COMMANDS.map(({ args, does }): Timed => ({ command: `openclaw ${args.filter((arg) => arg !== "--account" && arg !== ACCOUNT).join(" ")}`, does, wall: [], peakRss: [] }));
  // Once to have the account running, and the disk's caches filled.
  await until("the account to answer", 120_000, () => run(home, COMMANDS[0]?.args ?? []), 1000);
  for (let number = 0; number < runs; number++) {
    const order = [...COMMANDS.keys()];
    if (number % 2 === 1) order.reverse();
    for (const index of order) {
      const { wall, peakRss } = await run(home, COMMANDS[index]?.args ?? []);
      timed[index]?.wall.push(wall);
      timed[index]?.peakRss.push(peakRss);
    }
  }
  return timed;
}

/** As Markdown. */
export function commandTable(timed: Timed[]): string {
  return [
    "| command, with a running gateway | wall | peak memory | |",
    "|---|---:|---:|---|",
    ...timed.map(({ command, does, wall, peakRss }) => `| \`${command}\` | ${(median(wall) / 1000).toFixed(1)} s | ${Math.round(median(peakRss) / 1e6)} MB | ${does} |`),
  ].join("\n");
}
