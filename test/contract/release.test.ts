import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { pluginManifest } from "../../scripts/build/manifest.mjs";
import { targets, tripleOfTarget } from "../../scripts/build/targets.mjs";
import { places, setVersion, versions } from "../../scripts/release/version.mjs";
import { root } from "../../scripts/rig/toolchain.mjs";
import { makeTempDir } from "../support/process.ts";

const read = (file: string) => readFileSync(join(root, file), "utf8");
const workflow = (name: string) => read(join(".github", "workflows", `${name}.yml`));

describe("the version", () => {
  it("is the same everywhere it is written", () => {
    const { version } = JSON.parse(read("package.json")) as { version: string };
    expect(versions()).toEqual(places().map(({ file }) => ({ file, version })));
  });

  it("is changed everywhere by one command, and nothing else is", () => {
    const copy = makeTempDir("version");
    try {
      const files = [...new Set(places().map(({ file }) => file))];
      for (const file of files) {
        mkdirSync(dirname(join(copy, file)), { recursive: true });
        cpSync(join(root, file), join(copy, file));
      }
      for (const name of readdirSync(join(root, "crates"))) mkdirSync(join(copy, "crates", name), { recursive: true });
      setVersion("7.8.9-beta.1", copy);
      expect([...new Set(versions(copy).map(({ version }) => version))]).toEqual(["7.8.9-beta.1"]);
      const now = JSON.parse(read("package.json")) as { version: string };
      setVersion(now.version, copy);
      for (const file of files) expect(readFileSync(join(copy, file), "utf8"), file).toBe(read(file));
      expect(() => setVersion("0.2", copy)).toThrow('"0.2" is no version');
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });

  it("is the plugin manifest's, too", () => {
    expect(JSON.parse(read("openclaw.plugin.json"))).toMatchObject({ version: pluginManifest((JSON.parse(read("package.json")) as { version: string }).version).version });
  });
});

describe("the workflows", () => {
  it("[INS-7] build every platform there is a package for, once", () => {
    const built = [...workflow("build").matchAll(/\{ triple: ([\w-]+), os: ([\w.-]+)/g)].map((match) => match[1] as string);
    expect(built.toSorted()).toEqual(targets().map(tripleOfTarget).toSorted());
    expect(built.toSorted()).toEqual(readdirSync(join(root, "npm")).toSorted());
  });

  it("build the Linux packages where the C library is as old as promised", () => {
    for (const [, triple = "", image] of workflow("build").matchAll(/\{ triple: (linux[\w-]+),[^}]*image: "?([^\s"}]+)/g)) {
      expect(image, triple).toMatch(triple.endsWith("musl") ? /alpine$/ : /^almalinux:8$/);
    }
  });

  it("run commands that exist", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    for (const file of [...readdirSync(join(root, ".github/workflows")).map((name) => join(".github/workflows", name)), ".github/build-linux.sh", ".ci/run"]) {
      const text = read(file);
      for (const [, name = ""] of text.matchAll(/npm run ([\w:]+)/g)) expect(Object.keys(scripts), file).toContain(name);
      for (const [, path = ""] of text.matchAll(/\b(scripts\/[\w/.-]+\.mjs|\.github\/[\w/.-]+\.(?:sh|yml))/g)) expect(() => read(path), `${file}: ${path}`).not.toThrow();
    }
  });

  it("test the oldest OpenClaw that the manifest allows", () => {
    const { openclaw } = JSON.parse(read("package.json")) as { openclaw: { install: { minHostVersion: string }; compat: { pluginApi: string } } };
    expect(openclaw.install.minHostVersion).toMatch(/^>=\d+\.\d+\.\d+$/);
    expect(openclaw.compat.pluginApi).toBe(openclaw.install.minHostVersion);
    // The everyday tests run on it; hosts.yml adds the newest.
    expect(read("scripts/rig/toolchain.mjs")).toContain(`process.env.OPENCLAW_VERSION || "${openclaw.install.minHostVersion.slice(2)}"`);
    expect(workflow("hosts")).toContain("host: [oldest, newest]");
  });

  it("publish only what was built, tested and found free of advisories", () => {
    expect(workflow("release")).toMatch(/publish:\n\s+needs: \[version, advisories, ci\]/);
    expect(workflow("ci")).toMatch(/uses: \.\/\.github\/workflows\/build\.yml/);
  });
});
