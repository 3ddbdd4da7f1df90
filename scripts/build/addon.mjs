// Puts a built addon where the checkout looks for it: npm/<triple>/matrix-rs.<triple>.node, which git ignores.
import { execFileSync } from "node:child_process";
import { copyFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { thisMachine, tripleOf } from "../../ts/native/load.ts";
import { root } from "../rig/toolchain.mjs";

/** The napi triple of this machine, as in `npm/<triple>`. */
export const hostTriple = () => tripleOf(thisMachine());

/**
 * Takes the symbols out that loading does not need: a third of a release build and most of a dev build.
 * @param {string} file
 */
export function strip(file) {
  /** @type {Record<string, string[]>} */
  const flags = { linux: ["--strip-unneeded"], darwin: ["-x"] };
  const args = flags[process.platform];
  if (!args) return;
  try {
    execFileSync("strip", [...args, file], { stdio: "ignore" });
  } catch {
    // binutils is not a prerequisite; the addon is only larger without it.
  }
}

/**
 * @param {string} library what cargo built
 * @param {string} [dir] a platform package's folder
 * @returns {string} the addon in its place
 */
export function placeAddon(library, dir = join(root, "npm", hostTriple())) {
  const file = join(dir, `matrix-rs.${hostTriple()}.node`);
  const next = `${file}.${process.pid}`;
  copyFileSync(library, next);
  strip(next);
  // Into place in one step: a gateway that has the old one mapped keeps its file.
  renameSync(next, file);
  return file;
}
