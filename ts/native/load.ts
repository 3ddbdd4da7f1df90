/**
 * Finds and loads the addon. The host runs a copy of the plugin's JavaScript from
 * somewhere else, several times in one process; so the addon is looked up from the
 * install folder and kept on `globalThis`, and importing this module loads nothing.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Native } from "./account.ts";
import { MatrixError } from "./errors.ts";
import { type NativeBinding, wrap } from "./wrap.ts";

/** Name of the plugin's package; those of the platforms begin with it. */
const PACKAGE = "openclaw-matrix-rs";

/** The machine, as far as it decides which build fits. */
export interface Machine {
  platform: string;
  arch: string;
  /** Version of glibc; absent on musl and off Linux. */
  glibc?: string | undefined;
}

/** The machine this runs on. */
export function thisMachine(): Machine {
  const { platform, arch } = process;
  return { platform, arch, ...(platform === "linux" ? { glibc: glibcVersion() } : {}) };
}

function glibcVersion(): string | undefined {
  // The report would look up the names of open connections, which can take seconds.
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork?: boolean };
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  try {
    return (report.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime;
  } finally {
    report.excludeNetwork = excludeNetwork ?? false;
  }
}

/** The napi triple: `linux-x64-gnu`, `darwin-arm64`, … whether we publish for it or not. */
export function tripleOf(machine: Machine): string {
  const { platform, arch, glibc } = machine;
  if (platform === "linux") return `linux-${arch}-${glibc ? "gnu" : "musl"}`;
  return platform === "win32" ? `win32-${arch}-msvc` : `${platform}-${arch}`;
}

/** Where an addon may lie, in the order they are tried. */
type Candidate = { what: string; load: () => unknown };

function candidates(rootDir: string, triple: string): Candidate[] {
  const require = createRequire(join(rootDir, "package.json"));
  const name = `${PACKAGE}-${triple}`;
  const found: Candidate[] = [];
  try {
    const path = require.resolve(name);
    found.push({ what: name, load: () => require(path) });
  } catch {
    // Not installed: the files beside the package are next.
  }
  const file = `matrix-rs.${triple}.node`;
  for (const path of [join(rootDir, file), join(rootDir, "native", file), join(rootDir, "npm", triple, file)]) {
    if (existsSync(path)) found.push({ what: path, load: () => require(path) });
  }
  return found;
}

function versionOf(rootDir: string): string {
  try {
    const { version } = JSON.parse(readFileSync(join(rootDir, "package.json"), "utf8")) as { version?: unknown };
    if (typeof version === "string") return version;
    throw new Error("it names no version");
  } catch (error) {
    throw new MatrixError("config_invalid", `The Matrix plugin's folder ${rootDir} has no readable package.json (${(error as Error).message}); install it again with \`openclaw plugins install npm:${PACKAGE} --force\`.`);
  }
}

function load(rootDir: string, version: string): NativeBinding {
  const triple = tripleOf(thisMachine());
  const name = `${PACKAGE}-${triple}`;
  const candidate = candidates(rootDir, triple)[0];
  if (!candidate) {
    throw new MatrixError(
      "config_invalid",
      `The Matrix plugin has no native build for this machine (${triple}): the package ${name} is not installed beside it. ` +
        `Install the plugin again with \`openclaw plugins install npm:${PACKAGE} --force\`; in a checkout build it with \`npm run build\`.`,
    );
  }
  let binding: NativeBinding;
  try {
    binding = candidate.load() as NativeBinding;
  } catch (error) {
    throw new MatrixError("config_invalid", `The native build ${candidate.what} for ${triple} cannot be loaded: ${(error as Error).message}. In a checkout build it anew with \`npm run build\`.`, { cause: error });
  }
  const built = binding.version();
  if (built !== version) {
    throw new MatrixError(
      "config_invalid",
      `The Matrix plugin is version ${version}, but its native build ${candidate.what} is version ${built}. ` +
        `Install both anew with \`openclaw plugins install npm:${PACKAGE} --force\`; in a checkout run \`npm run build\`.`,
    );
  }
  return binding;
}

/**
 * The addon of the plugin installed in `rootDir`, the folder of its package.json.
 * Throws `config_invalid` with a sentence that names the triple, the package and the
 * way out if there is none for this machine or it does not fit.
 */
export function loadNative(rootDir: string): Native {
  const version = versionOf(rootDir);
  const kept = globalThis as { [key: symbol]: NativeBinding | undefined };
  const key = Symbol.for(`${PACKAGE}.native@${version}`);
  const binding = (kept[key] ??= load(rootDir, version));
  return wrap(binding);
}
