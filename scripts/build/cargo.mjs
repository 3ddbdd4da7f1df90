// The one Rust build that the demo and every test share, so that the SDK is compiled once.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "../rig/toolchain.mjs";
import { runStep } from "../rig/progress.mjs";

/**
 * What is selected, the same for build, test and clippy: another selection means
 * other features of the SDK and with them a second compilation of it.
 */
export const CARGO_SELECTION = ["--locked", "--workspace", "--lib", "--tests"];

/** Where cargo puts its output. */
export function targetDir() {
  return process.env.CARGO_TARGET_DIR ?? join(root, "target");
}

/** Where napi-derive writes the types of the addon; see binding.mjs. */
export function typeDefinitionDir() {
  return join(targetDir(), "napi-types");
}

/** The environment of every build, so that none of them sees the addon as changed. */
export function buildEnv() {
  mkdirSync(typeDefinitionDir(), { recursive: true });
  return { ...process.env, NAPI_TYPE_DEF_TMP_FOLDER: typeDefinitionDir() };
}

/** The addon as cargo names it. */
export function addonLibrary(profile = "debug") {
  const name = { darwin: "libmatrix_node.dylib", win32: "matrix_node.dll" }[/** @type {string} */ (process.platform)] ?? "libmatrix_node.so";
  return join(targetDir(), profile, name);
}

/** @typedef {{ name: string, kind: "lib" | "test", executable: string, source: string, directory: string }} TestBinary */

/**
 * Builds the addon and the test binaries with the dev profile.
 * @returns {Promise<TestBinary[]>}
 */
export async function buildRust() {
  let crates = 0;
  /** @type {TestBinary[]} */
  const binaries = [];
  await runStep("Building the Rust core, the addon and their tests", "cargo", ["build", ...CARGO_SELECTION, "--message-format=json-render-diagnostics"], {
    cwd: root,
    env: buildEnv(),
    detail: (line) => {
      const compiling = /^\s*Compiling (\S+)/.exec(line);
      return compiling ? `${++crates} crates so far, now ${compiling[1]}` : undefined;
    },
    onStdout: (line) => {
      if (!line.startsWith("{")) return;
      const message = JSON.parse(line);
      if (message.reason !== "compiler-artifact" || !message.executable || !message.profile.test) return;
      const kind = message.target.kind.includes("test") ? "test" : "lib";
      binaries.push({ name: message.target.name, kind, executable: message.executable, source: message.target.src_path, directory: dirname(message.manifest_path) });
    },
  });
  return binaries;
}

/**
 * Builds the addon alone, optimised, as it is published.
 * @returns {Promise<void>}
 */
export function buildReleaseAddon() {
  return runStep("Building the addon (release)", "cargo", ["build", "--locked", "--release", "--package", "matrix-node"], {
    cwd: root,
    env: buildEnv(),
    detail: (line) => /^\s*Compiling (\S+)/.exec(line)?.[1],
  });
}
