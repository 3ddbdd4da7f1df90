// The licences of what is linked into the addon, as they have to go with it.
//
//   node scripts/build/notices.mjs [triple]      prints them
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "../rig/toolchain.mjs";
import { hostTriple } from "./addon.mjs";
import { targetOfTriple } from "./targets.mjs";

/** Name of the file in a platform package. */
export const NOTICES_FILE = "THIRD-PARTY-NOTICES.txt";

/** @typedef {{ name: string, version: string, license: string | null, authors: string[], repository: string | null, manifest_path: string, source: string | null }} Crate */
const LICENCE_FILE = /^(?:licen[sc]es?|copying|copyright|notice|unlicense)(?:[-_.].*)?$/i;

/**
 * @param {string[]} args
 */
const cargo = (...args) => execFileSync("cargo", args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "inherit"] });

/**
 * The crates of other people whose code is in the addon: what the compiler runs (macros, build scripts)
 * is not, nor what the tests need.
 * @param {string} target as Rust names it
 * @returns {Crate[]} by name and version
 */
export function linkedCrates(target) {
  // `cargo metadata` would count the features in that the tests switch on.
  const tree = cargo("tree", "--locked", "--package", "matrix-node", "--edges", "normal,no-proc-macro", "--target", target, "--prefix", "none", "--format", "{p}");
  const linked = new Set(tree.split("\n").map((line) => line.split(" ").slice(0, 2).join(" ")));
  /** @type {{ packages: Crate[] }} */
  const { packages } = JSON.parse(cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", target));
  return packages
    .filter((crate) => crate.source !== null && linked.has(`${crate.name} v${crate.version}`))
    .sort((a, b) => (a.name === b.name ? a.version.localeCompare(b.version) : a.name < b.name ? -1 : 1));
}

/**
 * The licence files beside a crate's manifest, and one level below in folders that are named for it.
 * @param {Crate} crate
 * @returns {string[]} their texts
 */
function licenceTexts(crate) {
  const dir = dirname(crate.manifest_path);
  const files = readdirSync(dir)
    .sort()
    .filter((name) => LICENCE_FILE.test(name))
    .flatMap((name) => {
      const path = join(dir, name);
      return statSync(path).isDirectory() ? readdirSync(path).sort().map((inner) => join(path, inner)) : [path];
    });
  return files.filter((path) => statSync(path).isFile()).map((path) => readFileSync(path, "utf8").replaceAll("\r\n", "\n").trim());
}

/** @param {Crate} crate */
const title = (crate) => `${crate.name} ${crate.version}`;

const RULE = "-".repeat(78);

/**
 * The whole file: the crates with the licence each declares, then every text once with the crates it comes from.
 * @param {string} triple as npm names the platform
 */
export function thirdPartyNotices(triple) {
  const crates = linkedCrates(targetOfTriple(triple));
  /** @type {Map<string, { text: string, from: string[] }>} */
  const texts = new Map();
  for (const crate of crates) {
    for (const text of licenceTexts(crate)) {
      // Line breaks and the spelling of a link do not make another licence.
      const key = text.replaceAll(/\s+/g, " ").replaceAll("http:", "https:").toLowerCase();
      const known = texts.get(key) ?? { text, from: [] };
      if (!known.from.includes(title(crate))) known.from.push(title(crate));
      texts.set(key, known);
    }
  }
  const list = crates.map((crate) => {
    const by = crate.authors.length ? `, by ${crate.authors.join(", ")}` : "";
    return `${title(crate)}: ${crate.license ?? "see its licence text"}${by}${crate.repository ? `\n    ${crate.repository}` : ""}`;
  });
  const blocks = [...texts.values()].map(({ text, from }) => `${RULE}\n${from.join(", ")}\n${RULE}\n\n${text}\n`);
  return [
    `The native core of openclaw-matrix-rs for ${triple} contains the following libraries.`,
    "Where a licence offers a choice, the one that fits Apache-2.0 is taken.",
    "",
    ...list,
    "",
    ...blocks,
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(thirdPartyNotices(process.argv[2] ?? hostTriple()));
