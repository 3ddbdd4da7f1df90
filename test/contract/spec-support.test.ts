import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import featureIds from "./feature-ids.json" with { type: "json" };
import { schemaPaths } from "./schema-paths.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const lines = readFileSync(join(root, "SPEC-SUPPORT.md"), "utf8").split("\n");

/** Cells of the table rows whose first cell matches. */
function rows(first: RegExp): string[][] {
  return lines
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()).slice(1, -1))
    .filter((cells) => first.test(cells[0] ?? ""));
}

const ids = Object.entries(featureIds).flatMap(([prefix, numbers]) => numbers.map((number) => `${prefix}-${number}`));

describe("SPEC-SUPPORT.md", () => {
  it("has exactly one row for every feature", () => {
    expect(rows(/^[A-Z]{3}-\d+$/).map(([id]) => id).sort()).toEqual([...ids].sort());
  });

  it("says where each feature applies and how far it is", () => {
    for (const [id, , direction, state] of rows(/^[A-Z]{3}-\d+$/)) {
      expect(direction, id).toMatch(/^(?:–|(?:in|out|tools)(?:, (?:in|out|tools))*)$/);
      expect(state, id).toMatch(/^(?:yes|partial|not yet)$/);
    }
  });

  it("names a test that carries the id for everything that works", () => {
    for (const [id = "", , , state, evidence = ""] of rows(/^[A-Z]{3}-\d+$/)) {
      const files = [...evidence.matchAll(/`([^`]+\.(?:ts|rs))`/g)].map((match) => match[1] as string);
      if (state === "not yet") {
        expect(evidence, id).toBe("–");
        continue;
      }
      expect(files, `${id} needs a test file`).not.toEqual([]);
      const rustName = new RegExp(`fn ${id.toLowerCase().replace("-", "_")}_`);
      for (const file of files) {
        expect(existsSync(join(root, file)), `${id}: ${file} does not exist`).toBe(true);
        const source = readFileSync(join(root, file), "utf8");
        expect(new RegExp(`\\b${id}\\b`).test(source) || rustName.test(source), `${file} has no test of ${id}`).toBe(true);
      }
      if (state === "yes") {
        expect(files.some((file) => file.startsWith("test/e2e/")), `${id} is not shown end to end`).toBe(true);
      }
    }
  });

  it("has exactly one row for every key of the schema", () => {
    const documented = rows(/^`[^`]+`$/).map(([key = "", type = ""]) => ({ key: key.slice(1, -1), type }));
    const keys = documented.map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    /** "as `streaming`" stands for everything inside. */
    const alike = documented.filter(({ type }) => type.startsWith("as ")).map(({ key }) => key);
    const covered = (path: string) => keys.includes(path) || alike.some((key) => path.startsWith(`${key}.`));
    expect(schemaPaths().filter((path) => !covered(path))).toEqual([]);
    expect(keys.filter((key) => !schemaPaths().includes(key))).toEqual([]);
  });

  it("names a reader that reads the key", () => {
    for (const [key = "", , , reader = ""] of rows(/^`[^`]+`$/)) {
      const file = /^`(ts\/[^`]+\.ts)`$/.exec(reader)?.[1];
      if (!file) {
        expect(reader, key).toMatch(/^(?:accepted, not read yet|the host)$/);
        continue;
      }
      expect(file, key).not.toMatch(/schema|fields|legacy|ui-hints/);
      const name = key.slice(1, -1).split(".").findLast((part) => part !== "*") as string;
      expect(new RegExp(`\\b${name}\\b`).test(readFileSync(join(root, file), "utf8")), `${file} does not read ${key}`).toBe(true);
    }
  });
});
