import { lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runStep } from "../../scripts/rig/progress.mjs";

/** What an installation puts on disk. */
export interface Installed {
  /** Sum of the file sizes. */
  bytes: number;
  files: number;
  packages: number;
}

/** Every file under node_modules, links not followed. */
function count(dir: string): Installed {
  const sum: Installed = { bytes: 0, files: 0, packages: 0 };
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    sum.files++;
    sum.bytes += lstatSync(file).size;
    if (entry.name === "package.json" && /[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+$/.test(entry.parentPath)) {
      const { name, version } = JSON.parse(readFileSync(file, "utf8")) as { name?: string; version?: string };
      if (name && version) sum.packages++;
    }
  }
  return sum;
}

/** Installs as the host does, without scripts and peers, into an empty folder. */
export async function install(what: string, dir: string, specs: string[], flags: string[] = []): Promise<Installed> {
  writeFileSync(join(dir, "package.json"), JSON.stringify({ name: "bench", private: true }));
  await runStep(`Installing ${what}`, "npm", ["install", "--ignore-scripts", "--omit=dev", "--omit=peer", "--no-audit", "--no-fund", "--no-package-lock", ...flags, ...specs], { cwd: dir });
  return count(join(dir, "node_modules"));
}
