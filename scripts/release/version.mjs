// npm run release:version -- 0.2.0     sets the version everywhere it is written
// npm run release:version -- --check   exits 1 if the places do not agree (with a version: if they do not say that one)
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Semantic versions as npm and cargo both take them. */
const VERSION = String.raw`\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?`;

/** @typedef {{ file: string, pattern: RegExp }} Place one version in a file; the pattern's groups are what stands before it, the version, and what comes after */

/**
 * Every place the version is written. The manifest of the plugin and the lock files among them are made
 * by other programs too; their one line is edited here, so that this needs nothing installed.
 * @param {string} [root]
 * @returns {Place[]}
 */
export function places(root = ROOT) {
  const json = new RegExp(String.raw`^(\{\n(?:  .*\n)*?  "version": ")(${VERSION})(")`);
  const crates = readdirSync(join(root, "crates"));
  return [
    { file: "package.json", pattern: json },
    { file: "openclaw.plugin.json", pattern: json },
    ...readdirSync(join(root, "npm")).map((triple) => ({ file: `npm/${triple}/package.json`, pattern: json })),
    { file: "package-lock.json", pattern: json },
    { file: "package-lock.json", pattern: new RegExp(String.raw`(\n    "": \{\n(?:      .*\n)*?      "version": ")(${VERSION})(")`) },
    { file: "Cargo.toml", pattern: new RegExp(String.raw`(\[workspace\.package\]\nversion = ")(${VERSION})(")`) },
    ...crates.map((name) => ({ file: "Cargo.lock", pattern: new RegExp(String.raw`(\[\[package\]\]\nname = "${name}"\nversion = ")(${VERSION})(")`) })),
  ];
}

/**
 * What each place says now.
 * @param {string} [root]
 * @returns {{ file: string, version: string | undefined }[]} undefined where no version was found
 */
export function versions(root = ROOT) {
  return places(root).map(({ file, pattern }) => ({ file, version: pattern.exec(readFileSync(join(root, file), "utf8"))?.[2] }));
}

/**
 * @param {string} version
 * @param {string} [root]
 */
export function setVersion(version, root = ROOT) {
  if (!new RegExp(`^${VERSION}$`).test(version)) throw new Error(`"${version}" is no version such as 1.2.3 or 1.2.3-beta.1.`);
  const lost = versions(root).filter((place) => place.version === undefined);
  if (lost.length) throw new Error(`No version was found in ${lost.map(({ file }) => file).join(", ")}; nothing was changed.`);
  for (const { file, pattern } of places(root)) {
    const path = join(root, file);
    writeFileSync(path, readFileSync(path, "utf8").replace(pattern, (_all, before, _old, after) => `${before}${version}${after}`));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  const stated = args.find((arg) => !arg.startsWith("-"));
  try {
    if (args.includes("--check")) {
      const found = versions();
      const wanted = stated ?? found[0]?.version;
      const wrong = found.filter(({ version }) => version !== wanted);
      if (wrong.length) throw new Error(`Version ${wanted} is not what stands in ${wrong.map(({ file, version }) => `${file} (${version ?? "none"})`).join(", ")}: run \`npm run release:version -- ${wanted}\`.`);
    } else if (stated) setVersion(stated);
    else throw new Error("Give a version: `npm run release:version -- 0.2.0`.");
  } catch (error) {
    console.error(/** @type {Error} */ (error).message);
    process.exitCode = 1;
  }
}
