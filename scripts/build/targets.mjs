// The platforms we publish for: Rust's names of them and npm's.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../rig/toolchain.mjs";

/** Rust's names, from `napi.targets` of package.json. */
export function targets() {
  /** @type {string[]} */
  const named = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).napi.targets;
  return named;
}

/**
 * A Rust target as npm's packages are named: `x86_64-unknown-linux-gnu` is `linux-x64-gnu`.
 * @param {string} target
 */
export function tripleOfTarget(target) {
  const [arch, , system, abi] = target.split("-");
  const cpu = arch === "aarch64" ? "arm64" : "x64";
  if (system === "darwin") return `darwin-${cpu}`;
  return system === "windows" ? `win32-${cpu}-${abi}` : `linux-${cpu}-${abi}`;
}

/**
 * The other way round.
 * @param {string} triple
 */
export function targetOfTriple(triple) {
  const target = targets().find((candidate) => tripleOfTarget(candidate) === triple);
  if (!target) throw new Error(`napi.targets of package.json has no target for ${triple}`);
  return target;
}
