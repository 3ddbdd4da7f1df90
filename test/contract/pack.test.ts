import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { NOTICES_FILE } from "../../scripts/build/notices.mjs";
import { targetOfTriple, targets, tripleOfTarget } from "../../scripts/build/targets.mjs";
import { root } from "../../scripts/rig/toolchain.mjs";

interface Manifest {
  version: string;
  libc?: string[];
  scripts?: object;
}

const readManifest = (dir: string) => JSON.parse(readFileSync(join(dir, "package.json"), "utf8")) as Manifest;

/** The triples of npm/, one folder a platform. */
const triples = readdirSync(join(root, "npm")).toSorted();

describe("the platform packages", () => {
  it("[INS-7] are the targets of package.json, one each", () => {
    expect(targets().map(tripleOfTarget).toSorted()).toEqual(triples);
    for (const triple of triples) expect(tripleOfTarget(targetOfTriple(triple))).toBe(triple);
  });

  it.each(triples)("%s says what it is for", (triple) => {
    const manifest = readManifest(join(root, "npm", triple));
    const [os, cpu, abi] = triple.split("-") as [string, string, string | undefined];
    expect(manifest).toMatchObject({
      name: `openclaw-matrix-rs-${triple}`,
      version: readManifest(root).version,
      main: `matrix-rs.${triple}.node`,
      files: [`matrix-rs.${triple}.node`, NOTICES_FILE],
      license: "Apache-2.0",
      os: [os],
      cpu: [cpu],
    });
    expect(manifest.libc).toEqual(os === "linux" ? [abi === "gnu" ? "glibc" : "musl"] : undefined);
    expect(manifest.scripts).toBeUndefined();
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
