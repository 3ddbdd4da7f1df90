// What is published, from the packed files alone; scripts/test/artifact.mjs runs this on each platform's release build.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostTriple } from "../../scripts/build/addon.mjs";
import { NOTICES_FILE } from "../../scripts/build/notices.mjs";
import { root } from "../../scripts/rig/toolchain.mjs";
import { thisMachine } from "../../ts/native/load.ts";
import { isNewer, needsOf, parseNeeds } from "../support/elf.ts";
import { packed, unpack } from "../support/installed.ts";
import { makeTempDir } from "../support/process.ts";

const LOADER = pathToFileURL(join(root, "ts/native/load.ts")).href;

/** The oldest glibc the packages for it are promised to run on. */
const OLDEST_GLIBC = "2.28";

interface Manifest {
  name: string;
  version: string;
  scripts?: object;
  dependencies?: object;
  devDependencies?: object;
  optionalDependencies?: Record<string, string>;
  openclaw?: { extensions: string[]; setupEntry: string; install: { requiredPlatformPackages: string[] } };
}

const readManifest = (dir: string) => JSON.parse(readFileSync(join(dir, "package.json"), "utf8")) as Manifest;
const filesOf = (dir: string) =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1).replaceAll("\\", "/"))
    .toSorted();

const triples = readdirSync(join(root, "npm")).toSorted();

let dir: string;
let addon: string;

beforeAll(() => {
  dir = makeTempDir("packed");
  unpack(packed().plugin, join(dir, "plugin"));
  unpack(packed().platform, join(dir, "platform"));
  addon = join(dir, "platform", `matrix-rs.${hostTriple()}.node`);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe("the packed plugin", () => {
  it("has the bundle, the manifest and nothing of the workshop", () => {
    const files = filesOf(join(dir, "plugin"));
    for (const file of files) expect(file).toMatch(/^(?:dist\/(?:chunks\/)?[\w.-]+\.js|openclaw\.plugin\.json|package\.json|README\.md|LICENSE)$/);
    const { openclaw } = readManifest(join(dir, "plugin"));
    for (const entry of [...(openclaw?.extensions ?? []), openclaw?.setupEntry ?? ""]) expect(files).toContain(entry.replace(/^\.\//, ""));
    expect(files).toEqual(expect.arrayContaining(["LICENSE", "README.md", "openclaw.plugin.json"]));
  });

  it("[INS-7] depends on its platform packages alone, on exactly its own version, and the host is told the same list", () => {
    const manifest = readManifest(join(dir, "plugin"));
    expect(manifest.dependencies ?? {}).toEqual({});
    expect(manifest.devDependencies).toBeUndefined();
    expect(manifest.scripts).toBeUndefined();
    const expected = triples.map((triple) => `openclaw-matrix-rs-${triple}`);
    expect(manifest.optionalDependencies).toEqual(Object.fromEntries(expected.map((name) => [name, manifest.version])));
    expect(manifest.openclaw?.install.requiredPlatformPackages.toSorted()).toEqual(expected);
  });

  it("[INS-6] installs from the packed files with no network and no scripts, and loads", () => {
    const home = join(dir, "home");
    mkdirSync(home);
    writeFileSync(join(home, "package.json"), JSON.stringify({ name: "home", private: true }));
    const npm = spawnSync("npm", ["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", join(dir, "cache"), packed().platform, packed().plugin], { cwd: home, encoding: "utf8", shell: process.platform === "win32" });
    expect(npm.status, npm.stderr).toBe(0);
    const plugin = join(home, "node_modules", "openclaw-matrix-rs");
    const load = `const { loadNative } = await import(${JSON.stringify(LOADER)}); console.log(loadNative(${JSON.stringify(plugin)}).version);`;
    expect(execFileSync(process.execPath, ["--input-type=module", "--eval", load], { encoding: "utf8" }).trim()).toBe(readManifest(root).version);
  });
});

describe("the platform package", () => {
  it("[INS-7] has the addon, its licence and the notices of what is linked into it", () => {
    expect(filesOf(join(dir, "platform"))).toEqual(["LICENSE", NOTICES_FILE, `matrix-rs.${hostTriple()}.node`, "package.json"].toSorted());
    expect(readManifest(join(dir, "platform")).name).toBe(`openclaw-matrix-rs-${hostTriple()}`);
  });

  it("[INS-7] names every crate whose code is in the addon, with its licence", () => {
    const notices = readFileSync(join(dir, "platform", NOTICES_FILE), "utf8");
    const named = new Set([...notices.matchAll(/^(\S+) (\d\S*): \S/gm)].map((match) => `${match[1]}-${match[2]}`));
    // Panics carry the place in the source they come from, and with it the crate: proof from the file itself.
    const code = readFileSync(addon, "latin1");
    const linked = new Set([...code.matchAll(/registry[\\/]src[\\/][^\\/\0]+[\\/]([\w-]+-\d+\.\d+\.\d+[\w.+-]*)[\\/]/g)].map((match) => match[1] as string));
    expect(linked.size).toBeGreaterThan(20);
    expect([...linked].filter((crate) => !named.has(crate))).toEqual([]);
    for (const crate of ["matrix-sdk", "vodozemac", "rustls", "libsqlite3-sys"]) expect(notices).toMatch(new RegExp(`^${crate} \\d`, "m"));
  });

  const elf = process.platform === "linux";

  it("needs no library but the C library's own", { skip: !elf }, () => {
    for (const library of needsOf(addon).libraries) expect(library).toMatch(/^(?:lib(?:c|m|dl|rt|pthread|gcc_s)\.so\.\d+|ld-linux[\w-]*\.so\.\d+|libc\.musl-\w+\.so\.1)$/);
  });

  it(`[INS-7] runs on glibc ${OLDEST_GLIBC}`, { skip: !elf }, (test) => {
    const tooNew = needsOf(addon).symbols.filter(({ glibc }) => isNewer(glibc, OLDEST_GLIBC));
    const { glibc: builtOn } = thisMachine();
    const list = tooNew.map(({ name, glibc }) => `${name}@${glibc}`).join(", ");
    // A program takes the newest version of a function that the machine it is linked on has.
    if (tooNew.length && builtOn && isNewer(builtOn, OLDEST_GLIBC)) test.skip(`built on glibc ${builtOn}, needs ${list}; packages are released from a machine with ${OLDEST_GLIBC}`);
    expect(list).toBe("");
  });
});

describe("reading what a library needs", () => {
  it("tells the functions that are too new", () => {
    const output = [
      " 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]",
      "     3: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND memcpy@GLIBC_2.14 (4)",
      "     7: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND pthread_create@GLIBC_2.34 (5)",
      "     8: 0000000000000000     0 FUNC    WEAK   DEFAULT  UND __cxa_finalize@GLIBC_2.2.5 (2)",
      "     9: 00000000001a2b30    12 FUNC    GLOBAL DEFAULT   14 napi_register_module_v1",
    ].join("\n");
    const { libraries, symbols } = parseNeeds(output);
    expect(libraries).toEqual(["libc.so.6"]);
    expect(symbols.map(({ name }) => name)).toEqual(["memcpy", "pthread_create", "__cxa_finalize"]);
    expect(symbols.filter(({ glibc }) => isNewer(glibc, OLDEST_GLIBC))).toEqual([{ name: "pthread_create", glibc: "2.34" }]);
    expect(isNewer("2.28", "2.28")).toBe(false);
    expect(isNewer("2.4", "2.28")).toBe(false);
  });
});
