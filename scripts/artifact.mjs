// npm run test:artifact -- <folder>     tests the two packages in it on this machine, as they are published
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { hostTriple } from "./build/addon.mjs";
import { main } from "./rig/main.mjs";
import { StepFailed } from "./rig/progress.mjs";
import { runVitest } from "./test/typescript.mjs";

/** What needs neither OpenClaw nor the everyday build: the files, and accounts that are opened, synced and closed. */
const FILES = ["test/contract/artifact.test.ts", "test/contract/lifetime.test.ts"];

await main(async () => {
  const folder = resolve(process.argv[2] ?? "artifacts");
  const tarball = (/** @type {RegExp} */ name) => {
    const found = readdirSync(folder).filter((file) => name.test(file));
    if (found.length !== 1) throw new StepFailed(`${folder} should have one package ${name}, it has ${found.join(", ") || "none"}: run \`npm run build -- --release --pack ${folder}\`.`);
    return join(folder, /** @type {string} */ (found[0]));
  };
  const packed = { plugin: tarball(/^openclaw-matrix-rs-\d.*\.tgz$/), platform: tarball(new RegExp(`^openclaw-matrix-rs-${hostTriple()}-\\d.*\\.tgz$`)) };
  const results = await runVitest("contract", { env: { OPENCLAW_MATRIX_PACKED: JSON.stringify(packed) }, args: FILES });
  return results.length && results.every((result) => result.status !== "failed") ? 0 : 1;
});
