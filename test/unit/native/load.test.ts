import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isMatrixError } from "../../../ts/native/errors.ts";
import { loadNative, thisMachine, tripleOf } from "../../../ts/native/load.ts";

const triple = tripleOf(thisMachine());
let rootDir: string;

/** A version of its own for each test: what was loaded once stays for the process. */
let count = 0;
const nextVersion = () => `0.0.${Date.now()}${++count}`;

beforeEach(() => {
  rootDir = mkdtempSync(join(tmpdir(), "matrix-load-"));
});
afterEach(() => rmSync(rootDir, { recursive: true, force: true }));

function plugin(version: string): void {
  writeFileSync(join(rootDir, "package.json"), JSON.stringify({ name: "openclaw-matrix-rs", version }));
}

/** A platform package with JavaScript where the addon would be. */
function platform(version: string, code = `globalThis.loadsOfTest = (globalThis.loadsOfTest ?? 0) + 1; exports.version = () => ${JSON.stringify(version)};`): void {
  const dir = join(rootDir, "node_modules", `openclaw-matrix-rs-${triple}`);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "package.json"), JSON.stringify({ name: `openclaw-matrix-rs-${triple}`, version, main: "addon.cjs" }));
  writeFileSync(join(dir, "addon.cjs"), code);
}

function failure(): Error {
  try {
    loadNative(rootDir);
  } catch (error) {
    expect(isMatrixError(error, "config_invalid")).toBe(true);
    return error as Error;
  }
  throw new Error("it loaded");
}

describe("tripleOf", () => {
  it.each([
    [{ platform: "linux", arch: "x64", glibc: "2.36" }, "linux-x64-gnu"],
    [{ platform: "linux", arch: "arm64" }, "linux-arm64-musl"],
    [{ platform: "darwin", arch: "arm64" }, "darwin-arm64"],
    [{ platform: "win32", arch: "x64" }, "win32-x64-msvc"],
    [{ platform: "freebsd", arch: "x64" }, "freebsd-x64"],
  ])("names %o", (machine, expected) => {
    expect(tripleOf(machine)).toBe(expected);
  });
});

describe("loadNative", () => {
  it("takes the platform package beside the plugin, once for every evaluation", () => {
    const version = nextVersion();
    plugin(version);
    platform(version);
    const counter = globalThis as { loadsOfTest?: number };
    counter.loadsOfTest = 0;
    expect(loadNative(rootDir).version).toBe(version);
    expect(loadNative(rootDir).version).toBe(version);
    expect(counter.loadsOfTest).toBe(1);
  });

  it("[INS-6] names the triple, the package and the build command where there is none", () => {
    plugin(nextVersion());
    const { message } = failure();
    expect(message).toContain(`(${triple})`);
    expect(message).toContain(`openclaw-matrix-rs-${triple}`);
    expect(message).toContain("openclaw plugins install npm:openclaw-matrix-rs");
    expect(message).toContain("`npm run build`");
  });

  it("refuses a build of another version and says how to get the right one", () => {
    const version = nextVersion();
    plugin(version);
    platform("9.9.9");
    const { message } = failure();
    expect(message).toContain(version);
    expect(message).toContain("9.9.9");
    expect(message).toContain("openclaw plugins install npm:openclaw-matrix-rs");
  });

  it("says why a build cannot be loaded and tries again the next time", () => {
    const version = nextVersion();
    plugin(version);
    platform(version, "throw new Error('GLIBC_9.99 not found')");
    expect(failure().message).toContain("GLIBC_9.99 not found");
    expect(failure().message).toContain("GLIBC_9.99 not found");
  });

  it("takes a file beside the package where no package is installed", () => {
    plugin(nextVersion());
    const file = join(rootDir, `matrix-rs.${triple}.node`);
    writeFileSync(file, "no library");
    // It is no library, so it cannot be loaded; but it is the one that was tried.
    expect(failure().message).toContain(file);
  });

  it("says what to do when the folder is no package", () => {
    expect(failure().message).toContain(rootDir);
  });
});
