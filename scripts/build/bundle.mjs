// The plugin's JavaScript: everything in dist/, nothing left to resolve but OpenClaw and Node itself.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { step } from "../rig/progress.mjs";
import { root } from "../rig/toolchain.mjs";

/** The files the host looks for by name, at the top of dist/. */
const ENTRIES = ["index", "setup-entry", "cli-metadata", "secret-contract-api", "doctor-contract-api", "auth-presence"];

/**
 * Writes dist/. The host runs a copy of the files it can reach by literal references,
 * so dynamic imports stay chunks with literal paths.
 * @param {string} [outDir]
 */
export function bundle(outDir = join(root, "dist")) {
  return step("Bundling the plugin's JavaScript", async () => {
    rmSync(outDir, { recursive: true, force: true });
    const build = await rolldown({
      cwd: root,
      input: Object.fromEntries(ENTRIES.map((name) => [name, `./ts/${name}.ts`])),
      platform: "node",
      external: [/^openclaw(\/|$)/, /^node:/],
      tsconfig: "tsconfig.json",
      onLog(level, log, handle) {
        // An import that is not found would fail in the host, not here.
        if (log.code === "UNRESOLVED_IMPORT") throw new Error(log.message);
        handle(level, log);
      },
    });
    await build.write({
      dir: outDir,
      format: "esm",
      entryFileNames: "[name].js",
      chunkFileNames: "chunks/[name]-[hash].js",
    });
    await build.close();
  });
}
