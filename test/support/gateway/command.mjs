// `openclaw matrix …` in a process that lives on: the plugin's own command line, on the host's program and
// configuration, without the ten seconds in which the host loads itself for each command. What a command takes
// from its process is its own here: standard input, what it prints, the code it ends with. Several run at once.
// The host's own words are missing: help, and what it says to flags that there are not.
import { AsyncLocalStorage } from "node:async_hooks";
import { globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { readConfigFileSnapshotForWrite } from "openclaw/plugin-sdk/config-mutation";
import { root } from "../../../scripts/rig/toolchain.mjs";

/** @typedef {{ code: number | null, stdout: string, stderr: string }} Result */
/** @typedef {Result & { stdin: Readable, ended: (code: number) => void }} Running */

/** @type {AsyncLocalStorage<Running>} */
const running = new AsyncLocalStorage();

/**
 * Prints into the command that runs, or where the process prints.
 * @param {"stdout" | "stderr"} name
 */
function divert(name) {
  const stream = process[name];
  const write = stream.write.bind(stream);
  stream.write = /** @type {typeof stream.write} */ (
    (/** @type {string | Uint8Array} */ text, /** @type {unknown[]} */ ...rest) => {
      const command = running.getStore();
      if (!command) return write(/** @type {string} */ (text), .../** @type {[]} */ (rest));
      command[name] += typeof text === "string" ? text : Buffer.from(text).toString("utf8");
      const written = /** @type {(() => void) | undefined} */ (rest.find((one) => typeof one === "function"));
      if (written) queueMicrotask(written);
      return true;
    }
  );
}

divert("stdout");
divert("stderr");
const input = process.stdin;
Object.defineProperty(process, "stdin", { configurable: true, get: () => running.getStore()?.stdin ?? input });
const exit = process.exit.bind(process);
process.exit = /** @type {typeof process.exit} */ (
  (/** @type {number | undefined} */ code) => {
    const command = running.getStore();
    if (!command) return exit(code);
    command.ended(code ?? 0);
  }
);

/** The host's own commander, which its program is made of. */
const { Command } = createRequire(import.meta.resolve("openclaw/plugin-sdk/config-mutation"))("commander");
/** @type {typeof import("../../../ts/cli-metadata.ts")} the file the host loads for a command, as it is packed */
const { registerMatrixCliMetadata } = await import(join(root, "dist", "cli-metadata.js"));

/** Where the host has put the plugin: what a command without a gateway loads the addon from. */
function installed() {
  const manifests = globSync(join(process.env.HOME ?? "", ".openclaw", "**", "openclaw-matrix-rs", "package.json"));
  const ours = manifests.find((file) => JSON.parse(readFileSync(file, "utf8")).name === "openclaw-matrix-rs");
  return ours && dirname(ours);
}
const rootDir = installed();

/**
 * @param {string[]} words what stands after `openclaw matrix`
 * @param {string} given standard input
 * @returns {Promise<Result>}
 */
export async function runCommand(words, given) {
  const { snapshot } = await readConfigFileSnapshotForWrite();
  if (!snapshot.valid) throw new Error(`the configuration is invalid: ${JSON.stringify(snapshot.issues)}`);
  const program = new Command("openclaw").exitOverride();
  const registrations = /** @type {Promise<void>[]} */ ([]);
  registerMatrixCliMetadata({
    rootDir,
    registerCli: (register) => {
      const context = { program, config: snapshot.runtimeConfig, logger: console, parentPath: [] };
      registrations.push(Promise.resolve(register(/** @type {Parameters<typeof register>[0]} */ (/** @type {unknown} */ (context)))));
    },
  });
  await Promise.all(registrations);
  const { promise: code, resolve, reject } = Promise.withResolvers();
  /** @type {Running} */
  const command = { code: null, stdout: "", stderr: "", stdin: Readable.from(given === "" ? [] : [Buffer.from(given)]), ended: resolve };
  running.run(command, () => {
    program.parseAsync(["node", "openclaw", "matrix", ...words]).catch((/** @type {Error & { exitCode?: number }} */ error) => {
      // Commander's own refusals are printed already.
      if (error.exitCode === undefined) reject(error);
      else resolve(error.exitCode);
    });
  });
  return { code: await code, stdout: command.stdout, stderr: command.stderr };
}
