import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { described, PAGE, renderPage } from "../../scripts/docs/configuration.mjs";
import { root } from "../../scripts/rig/toolchain.mjs";
import { COMMANDS, GROUPS } from "../../ts/cli/commands.ts";
import { parseMatrixConfig } from "../../ts/config/schema.ts";
import { schemaPaths } from "./schema-paths.ts";

/** JSON5, which is a part of JavaScript's literals. */
const parseJson5 = (text: string): unknown => JSON.parse(JSON.stringify(runInNewContext(`(${text})`, {})));
const HOST_COMMANDS = join(root, "node_modules", "openclaw", "docs", "cli");

const pages = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  ...readdirSync(join(root, "docs")).map((name) => join("docs", name)),
].map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }));

interface Block {
  file: string;
  language: string;
  text: string;
}

const blocks: Block[] = pages.flatMap(({ file, text }) =>
  [...text.matchAll(/^```(\S*)\n([^]*?)^```/gm)].map((match) => ({ file, language: match[1] as string, text: match[2] as string })),
);

/** A heading's anchor, as the forges make it. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-"));
}

describe("the documentation", () => {
  it("links to what is there", () => {
    const broken: string[] = [];
    for (const { file, text } of pages) {
      // Code is no text: its brackets are no links.
      const prose = text.replaceAll(/^```[^]*?^```/gm, "").replaceAll(/`[^`\n]*`/g, "");
      for (const [, target = ""] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^https?:/.test(target)) continue;
        const [path = "", anchor] = target.split("#");
        const absolute = path ? resolve(root, dirname(file), path) : join(root, file);
        if (!existsSync(absolute)) broken.push(`${file}: ${target}`);
        else if (anchor && !anchors(readFileSync(absolute, "utf8")).includes(anchor)) broken.push(`${file}: ${target}`);
      }
    }
    expect(broken).toEqual([]);
  });

  it("[MIG-4] describes the way from the official plugin and back, with its commands", () => {
    const migration = readFileSync(join(root, "docs", "migration.md"), "utf8");
    const [there = "", back = ""] = migration.split("## Back again");
    expect(there).toContain("openclaw plugins install npm:openclaw-matrix-rs");
    expect(back).toContain("openclaw plugins install @openclaw/matrix");
    expect(back).toContain("new device");
  });

  it("names tests and scripts that exist", () => {
    const missing = pages.flatMap(({ file, text }) =>
      [...text.matchAll(/`((?:test|scripts|crates|ts)\/[\w./-]+\.(?:ts|mjs|rs))`/g)].map((match) => match[1] as string).filter((path) => !existsSync(join(root, path))).map((path) => `${file}: ${path}`),
    );
    expect(missing).toEqual([]);
  });
});

const configs = blocks.filter(({ language }) => language === "json5");

describe("configurations in the documentation", () => {
  it("are there", () => {
    expect(configs.length).toBeGreaterThan(10);
  });

  it.each(configs.map((block, at): [string, Block] => [`${block.file}, ${at + 1}`, block]))("[WIZ-13] %s is one that the host takes", (_title, { text }) => {
    const { channels } = parseJson5(text) as { channels: { matrix: unknown } };
    const parsed = parseMatrixConfig(channels.matrix);
    expect(parsed.ok ? [] : parsed.problems).toEqual([]);
  });
});

/** Every command line: those of blocks, and those in the text. */
const commandLines = [
  ...blocks.filter(({ language }) => ["", "sh", "bash"].includes(language)).flatMap(({ file, text }) => text.replaceAll("\\\n", " ").split("\n").map((line) => ({ file, line: line.replace(/\s#.*$/, "").trim() }))),
  ...pages.flatMap(({ file, text }) => [...text.replaceAll(/^```[^]*?^```/gm, "").matchAll(/`((?:openclaw|npm) [^`\n]+)`/g)].map((match) => ({ file, line: match[1] as string }))),
];

/** The words a person types, without redirections, arguments in quotes as one. */
const wordsOf = (line: string): string[] => line.replace(/\s<\s.*$/, "").match(/'[^']*'|"[^"]*"|\S+/g) ?? [];

/** What does not fit the declared commands; undefined when all does. */
function problemOf(words: string[]): string | undefined {
  // `verify …` stands for all its commands, `verify backup status|restore` for two.
  const cut = words.findIndex((word) => word === "…" || word.includes("|"));
  const typed = cut === -1 ? words : words.slice(0, cut);
  const names = typed.filter((word) => /^[a-z-]+$/.test(word) && !word.startsWith("-"));
  const declared = COMMANDS.map((command) => ({ command, name: command.words.split(" ").filter((word) => !/^[<[]/.test(word)) }));
  const fits = declared
    .filter(({ name }) => name.every((word, at) => typed[at] === word))
    .toSorted((a, b) => b.name.length - a.name.length)[0];
  if (!fits) {
    const group = names.join(" ");
    const partial = cut !== -1 || group in GROUPS || names.length === 0;
    return partial && declared.some(({ name }) => name.join(" ").startsWith(group)) ? undefined : "no such command";
  }
  const flags = new Set([...Object.keys(fits.command.flags ?? {}), "--account <id>", "--json", "--verbose"].map((flag) => flag.split(" ")[0]));
  const unknown = words.filter((word) => word.startsWith("--") && !flags.has(word.split("=")[0] as string));
  return unknown.length ? `no flag ${unknown.join(", ")}` : undefined;
}

describe("commands in the documentation", () => {
  it("[VER-1] `openclaw matrix …` is declared, with its flags", () => {
    const wrong = commandLines.flatMap(({ file, line }) => {
      const at = line.indexOf("openclaw matrix ");
      if (at === -1) return [];
      const problem = problemOf(wordsOf(line.slice(at + "openclaw matrix ".length)));
      return problem ? [`${file}: ${line}: ${problem}`] : [];
    });
    expect(wrong).toEqual([]);
    expect(problemOf(["verify", "statu"])).toBe("no such command");
    expect(problemOf(["verify", "status", "--nonsense"])).toBe("no flag --nonsense");
  });

  it("`openclaw …` is a command of the host's", () => {
    const wrong = commandLines.filter(({ line }) => {
      const word = /^(?:\w+=\S+ )*openclaw ([a-z]+)/.exec(line)?.[1];
      return word !== undefined && word !== "matrix" && !existsSync(join(HOST_COMMANDS, `${word}.md`));
    });
    expect(wrong).toEqual([]);
  });

  it("`npm run …` is a script", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
    const wrong = commandLines.filter(({ line }) => {
      const name = /^npm (?:run ([\w:]+)|(test))/.exec(line);
      return name && !((name[1] ?? name[2] ?? "") in scripts);
    });
    expect(wrong).toEqual([]);
  });
});

describe("the reference of the configuration", () => {
  it("[WIZ-13] is as scripts/docs/configuration.mjs writes it", () => {
    expect(readFileSync(PAGE, "utf8"), `run \`node scripts/docs/configuration.mjs\`, ${relative(root, PAGE)} is out of date`).toBe(renderPage());
  });

  it("[WIZ-13] has every key", () => {
    const known = new Set(described());
    // Objects are told by what is in them; an account and the older name of the rooms repeat what is there; a room's streaming is the account's.
    const told = (path: string) => known.has(path) || [...known].some((key) => key.startsWith(`${path}.`)) || /^(?:accounts\.\*|rooms|groups\.\*\.(?:streaming|botLoopProtection))\./.test(path);
    expect(schemaPaths().filter((path) => !told(path))).toEqual([]);
  });
});
