// The packages as they are published: the plugin, and the platform package that carries the addon.
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { execFileSync } from "node:child_process";
import { hostTriple, placeAddon } from "./addon.mjs";
import { NOTICES_FILE, thirdPartyNotices } from "./notices.mjs";
import { NPM_SHELL, root } from "../rig/toolchain.mjs";
import { StepFailed, step } from "../rig/progress.mjs";

/** @param {string} file */
const readJson = (file) => JSON.parse(readFileSync(file, "utf8"));

/**
 * Where the packages come from, for npm's provenance: known where they are released, and nowhere else.
 * @returns {{ repository?: { type: string, url: string } }}
 */
function origin() {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = process.env;
  return server && repository ? { repository: { type: "git", url: `git+${server}/${repository}.git` } } : {};
}

/**
 * @param {string} dir
 * @param {object} manifest
 */
const writeManifest = (dir, manifest) => writeFileSync(join(dir, "package.json"), `${JSON.stringify({ ...manifest, ...origin() }, null, 2)}\n`);

/** Every platform we publish for. */
export function triples() {
  return readdirSync(join(root, "npm"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/**
 * @param {string} dir
 * @param {string} outDir
 */
function npmPack(dir, outDir) {
  const answer = execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", outDir], { cwd: dir, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], shell: NPM_SHELL });
  const [packed] = Object.values(JSON.parse(answer));
  return join(outDir, basename(packed.filename));
}

/**
 * The platform package of this machine around a built addon.
 * @param {string} library what cargo built
 * @param {string} outDir
 * @returns {string} the tarball
 */
export function packPlatform(library, outDir) {
  const triple = hostTriple();
  const source = join(root, "npm", triple);
  if (!existsSync(join(source, "package.json"))) {
    throw new StepFailed(`There is no platform package for ${triple}; known are ${triples().join(", ")}.`);
  }
  const stage = mkdtempSync(join(tmpdir(), "openclaw-matrix-platform-"));
  try {
    cpSync(source, stage, { recursive: true, filter: (file) => !file.endsWith(".node") });
    placeAddon(library, stage);
    writeManifest(stage, readJson(join(source, "package.json")));
    writeFileSync(join(stage, NOTICES_FILE), thirdPartyNotices(triple));
    copyFileSync(join(root, "LICENSE"), join(stage, "LICENSE"));
    return npmPack(stage, outDir);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/**
 * The plugin package around dist/. Its optional dependencies, one a platform and of exactly its
 * own version, are written here: in the checkout they would have to be on the registry for `npm ci`.
 * @param {string} outDir
 * @returns {string} the tarball
 */
export function packPlugin(outDir) {
  const stage = mkdtempSync(join(tmpdir(), "openclaw-matrix-plugin-"));
  try {
    const { devDependencies: _dev, scripts: _scripts, ...manifest } = readJson(join(root, "package.json"));
    manifest.optionalDependencies = Object.fromEntries(
      triples().map((triple) => [readJson(join(root, "npm", triple, "package.json")).name, manifest.version]),
    );
    writeManifest(stage, manifest);
    cpSync(join(root, "dist"), join(stage, "dist"), { recursive: true });
    for (const file of ["openclaw.plugin.json", "README.md", "LICENSE"]) copyFileSync(join(root, file), join(stage, file));
    return npmPack(stage, outDir);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/**
 * Both packages of this machine.
 * @param {string} library
 * @param {string} outDir
 */
export function packAll(library, outDir) {
  return step("Packing the plugin and its platform package", async () => {
    mkdirSync(outDir, { recursive: true });
    return { platform: packPlatform(library, outDir), plugin: packPlugin(outDir) };
  });
}
