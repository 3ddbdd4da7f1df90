// What must be there before anything of ours can run: Node 24, npm dependencies, OpenClaw, Python environments.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installOnce, withLock } from "./cache.mjs";
import { runStep, StepFailed } from "./progress.mjs";

/** Root of the checkout. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** The Node that is fetched when the host's is too old for OpenClaw. */
export const NODE_VERSION = "24.21.0";
/** The OpenClaw that everything is tested against; `OPENCLAW_VERSION` names another one. */
export const OPENCLAW_VERSION = process.env.OPENCLAW_VERSION || "2026.9.6";
/** npm is a batch file on Windows, which runs in a shell alone. */
export const NPM_SHELL = process.platform === "win32";

const NPM_QUIET = ["--no-audit", "--no-fund", "--no-update-notifier"];

/** @param {string} version */
export function nodeIsNewEnough(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return (major === 24 && minor >= 16) || (major === 26 && minor >= 1) || major > 26;
}

/**
 * First line of what a program prints, or undefined if it cannot be run.
 * @param {string} command
 * @param {string[]} args
 */
function answerOf(command, args) {
  try {
    return execFileSync(command, args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], shell: command === "npm" && NPM_SHELL }).split("\n")[0];
  } catch {
    return undefined;
  }
}

/**
 * Throws one sentence a missing program.
 * @param {{ rust?: boolean, python?: boolean }} needs
 */
export function checkPrerequisites(needs) {
  const missing = [];
  if (answerOf("npm", ["--version"]) === undefined) missing.push("npm is missing: install it beside Node (Node 20 or newer).");
  if (needs.rust) {
    const cargo = answerOf("cargo", ["--version"]);
    const [major = 0, minor = 0] = (cargo?.split(" ")[1] ?? "").split(".").map(Number);
    if (!cargo) missing.push("Rust is missing: install 1.95 or newer, for example with rustup (https://rustup.rs).");
    else if (major < 1 || (major === 1 && minor < 95)) missing.push(`Rust 1.95 or newer is needed, this is ${cargo}: run \`rustup update\`.`);
    // On Windows Rust brings MSVC along, which has no `cc`.
    if (process.platform !== "win32" && answerOf("cc", ["--version"]) === undefined) missing.push("A C compiler is missing: install gcc or clang so that `cc` runs (SQLite is compiled in).");
  }
  if (needs.python) {
    const python = answerOf("python3", ["-c", "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"]);
    const [major = 0, minor = 0] = (python ?? "").split(".").map(Number);
    if (answerOf("python3", ["--version"]) === undefined) missing.push("Python is missing: install Python 3.10 or newer so that `python3` runs (the test homeserver needs it).");
    else if (python === undefined) missing.push("Python's venv module is missing: install it (on Debian and Ubuntu `apt install python3-venv`).");
    else if (major < 3 || minor < 10) missing.push(`Python 3.10 or newer is needed for the test homeserver, this is ${python}.`);
  }
  if (missing.length) throw new StepFailed(missing.join("\n"));
}

/**
 * The folder of a Node that OpenClaw accepts: the host's own, or a fetched one.
 * @returns {Promise<string | undefined>} undefined when the host's will do
 */
export async function ensureNode() {
  if (nodeIsNewEnough(process.versions.node)) return undefined;
  const dir = await installOnce(`node-${NODE_VERSION}`, (prefix) =>
    // The package's own install script puts the binary in place.
    runStep(`Fetching Node ${NODE_VERSION} (this is ${process.versions.node})`, "npm", ["install", "--prefix", prefix, "--ignore-scripts=false", ...NPM_QUIET, `node@${NODE_VERSION}`]),
  );
  const bin = join(dir, "node_modules", "node", "bin");
  if (answerOf(join(bin, "node"), ["--version"]) !== `v${NODE_VERSION}`) {
    throw new StepFailed(`The fetched Node in ${bin} does not run; delete ${dir} and try again, or install Node 24.16 or newer yourself.`);
  }
  return bin;
}

/** `npm ci` when node_modules is missing or of another lock file. */
async function ensureDependencies() {
  const lockFile = readFileSync(join(root, "package-lock.json"));
  const wanted = createHash("sha256").update(lockFile).update(process.versions.modules).digest("hex");
  const stamp = join(root, "node_modules", ".lock-stamp");
  const current = () => existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
  if (current()) return;
  await withLock(`npm-ci-${createHash("sha256").update(root).digest("hex").slice(0, 12)}`, async () => {
    if (current()) return;
    await runStep("Installing npm dependencies", "npm", ["ci", ...NPM_QUIET], { cwd: root });
    writeFileSync(stamp, wanted);
  });
}

/**
 * OpenClaw in the cache folder, linked into node_modules so that `openclaw/plugin-sdk/*` resolves.
 * @returns {Promise<string>} the package's folder
 */
async function ensureOpenclaw() {
  const dir = await installOnce(`openclaw-${OPENCLAW_VERSION}-abi${process.versions.modules}`, async (prefix) => {
    writeFileSync(join(prefix, "package.json"), '{ "private": true }\n');
    await runStep(`Installing openclaw ${OPENCLAW_VERSION} (650 MB)`, "npm", ["install", "--prefix", prefix, "--ignore-scripts=false", ...NPM_QUIET, `openclaw@${OPENCLAW_VERSION}`]);
  });
  const target = join(dir, "node_modules", "openclaw");
  const link = join(root, "node_modules", "openclaw");
  const linked = lstatSync(link, { throwIfNoEntry: false });
  if (!linked?.isSymbolicLink() || readlinkSync(link) !== target) {
    rmSync(link, { recursive: true, force: true });
    mkdirSync(join(root, "node_modules"), { recursive: true });
    try {
      symlinkSync(target, link, "junction");
    } catch (error) {
      // Another run linked it first.
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
    }
  }
  return target;
}

/**
 * npm dependencies and, unless told otherwise, OpenClaw; needs the right Node running.
 * @param {{ openclaw?: boolean }} [needs]
 */
export async function ensurePackages({ openclaw = true } = {}) {
  await ensureDependencies();
  if (openclaw) await ensureOpenclaw();
}

/**
 * A Python environment with the packages of `requirements`, kept in the cache folder.
 * @param {string} name
 * @param {string} requirements path relative to the root
 * @returns {Promise<string>} its python
 */
export async function ensureVenv(name, requirements) {
  const file = join(root, requirements);
  const hash = createHash("sha256").update(readFileSync(file)).update(answerOf("python3", ["--version"]) ?? "").digest("hex").slice(0, 12);
  const dir = await installOnce(`${name}-${hash}`, async (prefix) => {
    await runStep(`Creating a Python environment for ${name}`, "python3", ["-m", "venv", prefix]);
    await runStep(`Installing ${name}`, join(prefix, "bin", "python"), ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r", file]);
  });
  return join(dir, "bin", "python");
}

/**
 * The environment with a folder put first in PATH.
 * @param {NodeJS.ProcessEnv} env
 * @param {string | undefined} bin
 * @returns {NodeJS.ProcessEnv}
 */
export function withPath(env, bin) {
  return bin ? { ...env, PATH: `${bin}${delimiter}${env.PATH ?? ""}` } : { ...env };
}
