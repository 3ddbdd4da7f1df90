import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostTriple } from "../../scripts/build/addon.mjs";
import { root } from "../../scripts/rig/toolchain.mjs";
import { packed, unpack } from "../support/installed.ts";
import { makeTempDir } from "../support/process.ts";

const LOADER = pathToFileURL(join(root, "ts/native/load.ts")).href;

interface Manifest {
  name: string;
  version: string;
  main?: string;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  license?: string;
  scripts?: object;
  dependencies?: object;
  devDependencies?: object;
  optionalDependencies?: Record<string, string>;
  napi?: { targets: string[] };
  openclaw?: { extensions: string[]; setupEntry: string; install: { requiredPlatformPackages: string[] } };
}

const readManifest = (dir: string) => JSON.parse(readFileSync(join(dir, "package.json"), "utf8")) as Manifest;
const filesOf = (dir: string) =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1).replaceAll("\\", "/"))
    .toSorted();

/** The triples of npm/, one folder a platform. */
const triples = readdirSync(join(root, "npm")).toSorted();

/** A Rust target as napi names it. */
function tripleOfTarget(target: string): string {
  const [arch, , system, abi] = target.split("-");
  const cpu = arch === "aarch64" ? "arm64" : "x64";
  if (system === "darwin") return `darwin-${cpu}`;
  return system === "windows" ? `win32-${cpu}-${abi}` : `linux-${cpu}-${abi}`;
}

describe("the platform packages", () => {
  it("are the targets of package.json, one each", () => {
    const { napi } = readManifest(root);
    expect(napi?.targets.map(tripleOfTarget).toSorted()).toEqual(triples);
  });

  it.each(triples)("%s says what it is for", (triple) => {
    const manifest = readManifest(join(root, "npm", triple));
    const [os, cpu, abi] = triple.split("-") as [string, string, string | undefined];
    expect(manifest).toMatchObject({
      name: `openclaw-matrix-rs-${triple}`,
      version: readManifest(root).version,
      main: `matrix-rs.${triple}.node`,
      files: [`matrix-rs.${triple}.node`],
      license: "Apache-2.0",
      os: [os],
      cpu: [cpu],
    });
    expect(manifest.libc).toEqual(os === "linux" ? [abi === "gnu" ? "glibc" : "musl"] : undefined);
    expect(manifest.scripts).toBeUndefined();
  });
});

describe("the packed plugin", () => {
  let dir: string;
  beforeAll(() => {
    dir = makeTempDir("packed");
    unpack(packed().plugin, join(dir, "plugin"));
    unpack(packed().platform, join(dir, "platform"));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it("has the bundle, the manifest and nothing of the workshop", () => {
    const files = filesOf(join(dir, "plugin"));
    for (const file of files) expect(file).toMatch(/^(?:dist\/(?:chunks\/)?[\w.-]+\.js|openclaw\.plugin\.json|package\.json|README\.md|LICENSE)$/);
    const { openclaw } = readManifest(join(dir, "plugin"));
    for (const entry of [...(openclaw?.extensions ?? []), openclaw?.setupEntry ?? ""]) expect(files).toContain(entry.replace(/^\.\//, ""));
    expect(files).toEqual(expect.arrayContaining(["LICENSE", "README.md", "openclaw.plugin.json"]));
  });

  it("depends on its platform packages alone, on exactly its own version, and the host is told the same list", () => {
    const manifest = readManifest(join(dir, "plugin"));
    expect(manifest.dependencies ?? {}).toEqual({});
    expect(manifest.devDependencies).toBeUndefined();
    expect(manifest.scripts).toBeUndefined();
    const expected = triples.map((triple) => `openclaw-matrix-rs-${triple}`);
    expect(manifest.optionalDependencies).toEqual(Object.fromEntries(expected.map((name) => [name, manifest.version])));
    expect(manifest.openclaw?.install.requiredPlatformPackages.toSorted()).toEqual(expected);
  });

  it("comes with a platform package of the addon and its licence", () => {
    expect(filesOf(join(dir, "platform"))).toEqual(["LICENSE", `matrix-rs.${hostTriple()}.node`, "package.json"]);
    expect(readManifest(join(dir, "platform")).name).toBe(`openclaw-matrix-rs-${hostTriple()}`);
  });

  it("[INS-6] installs from the packed files with no network and no scripts, and loads", () => {
    const home = join(dir, "home");
    execFileSync(process.execPath, ["-e", `require("node:fs").mkdirSync(${JSON.stringify(home)})`]);
    writeFileSync(join(home, "package.json"), JSON.stringify({ name: "home", private: true }));
    const npm = spawnSync("npm", ["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", join(dir, "cache"), packed().platform, packed().plugin], { cwd: home, encoding: "utf8", shell: process.platform === "win32" });
    expect(npm.status, npm.stderr).toBe(0);
    const plugin = join(home, "node_modules", "openclaw-matrix-rs");
    const load = `const { loadNative } = await import(${JSON.stringify(LOADER)}); console.log(loadNative(${JSON.stringify(plugin)}).version);`;
    expect(execFileSync(process.execPath, ["--input-type=module", "--eval", load], { encoding: "utf8" }).trim()).toBe(readManifest(root).version);
  });
});

describe("dist", () => {
  it("[INS-4] loads no addon when it is imported", () => {
    const entries = readdirSync(join(root, "dist")).filter((file) => file.endsWith(".js"));
    expect(entries).toContain("index.js");
    const check = `
      for (const file of ${JSON.stringify(entries)}) await import(${JSON.stringify(`${pathToFileURL(join(root, "dist")).href}/`)} + file);
      const loaded = () => process.report.getReport().sharedObjects.filter((file) => file.includes("matrix-rs"));
      console.log(JSON.stringify(loaded()));
    `;
    const child = spawnSync(process.execPath, ["--input-type=module", "--eval", check], { cwd: root, encoding: "utf8" });
    expect(child.stderr).not.toContain("Error");
    expect(JSON.parse(child.stdout.trim().split("\n").at(-1) ?? "null")).toEqual([]);
    expect(existsSync(join(root, "node_modules", "openclaw"))).toBe(true);
  });
});
