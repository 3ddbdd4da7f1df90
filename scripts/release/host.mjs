// node scripts/release/host.mjs oldest|newest     prints the version of OpenClaw meant: the one the manifest begins with, or the registry's latest
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { NPM_SHELL, root } from "../rig/toolchain.mjs";

const [which] = process.argv.slice(2);
if (which === "oldest") {
  const { openclaw } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  console.log(openclaw.install.minHostVersion.replace(/^>=/, ""));
} else if (which === "newest") {
  console.log(execFileSync("npm", ["view", "openclaw", "version"], { encoding: "utf8", shell: NPM_SHELL }).trim());
} else {
  console.error("Usage: node scripts/release/host.mjs oldest|newest");
  process.exitCode = 1;
}
