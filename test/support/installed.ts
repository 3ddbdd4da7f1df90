import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { hostTriple } from "../../scripts/build/addon.mjs";
import { makeTempDir } from "./process.ts";

/** The tarballs under test, from `npm test`. */
export function packed(): { plugin: string; platform: string } {
  const text = process.env.OPENCLAW_MATRIX_PACKED;
  if (!text) throw new Error("OPENCLAW_MATRIX_PACKED is not set: run `npm test -- --tier contract`");
  return JSON.parse(text) as { plugin: string; platform: string };
}

/** Unpacks a tarball of npm's into a folder. */
export function unpack(tarball: string, dir: string): void {
  mkdirSync(dir, { recursive: true });
  execFileSync("tar", ["-xzf", basename(tarball), "-C", dir, "--strip-components=1"], { cwd: join(tarball, "..") });
}

/**
 * Both packages side by side, as npm lays them out.
 * @returns the folder of the plugin, what `api.rootDir` is in the host
 */
export function installPacked(): { home: string; rootDir: string; addon: string } {
  const home = makeTempDir("matrix-installed-");
  const modules = join(home, "node_modules");
  const rootDir = join(modules, "openclaw-matrix-rs");
  const platformDir = join(modules, `openclaw-matrix-rs-${hostTriple()}`);
  unpack(packed().plugin, rootDir);
  unpack(packed().platform, platformDir);
  return { home, rootDir, addon: join(platformDir, `matrix-rs.${hostTriple()}.node`) };
}
