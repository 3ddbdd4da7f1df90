// npm test [-- --tier <lint,rust,live,unit,contract,e2e>] [-- <arguments for vitest>]: every tier in order.
// The last line on standard output is `N passed, N failed`.
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { placeAddon } from "./build/addon.mjs";
import { bundle } from "./build/bundle.mjs";
import { addonLibrary, buildRust } from "./build/cargo.mjs";
import { packAll } from "./build/pack.mjs";
import { atExit, main } from "./rig/main.mjs";
import { StepFailed, say, step } from "./rig/progress.mjs";
import { root } from "./rig/toolchain.mjs";
import { lint } from "./test/lint.mjs";
import { Results } from "./test/results.mjs";
import { runTestBinary } from "./test/rust.mjs";
import { runVitest } from "./test/typescript.mjs";

const TIERS = ["lint", "unit", "rust", "live", "contract", "e2e"];

await main(async () => {
  const { values, positionals, tokens } = parseArgs({
    options: { tier: { type: "string", multiple: true } },
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const wanted = values.tier ? /** @type {string[]} */ (values.tier).flatMap((tier) => tier.split(",")) : TIERS;
  const unknown = wanted.filter((tier) => !TIERS.includes(tier));
  if (unknown.length) throw new StepFailed(`There is no tier ${unknown.join(", ")}; there are ${TIERS.join(", ")}.`);
  const has = (/** @type {string} */ tier) => wanted.includes(tier);
  const separator = tokens?.find((token) => token.kind === "option-terminator");
  const vitestArgs = separator ? process.argv.slice(2).slice(separator.index + 1) : positionals.filter((word) => word.includes("/"));

  const results = new Results();
  if (has("lint")) await results.tier("lint", "scripts/test/lint.mjs", () => lint({ deny: true }));
  if (has("unit")) await results.tier("unit", "test/unit/", () => runVitest("unit", { args: vitestArgs }));

  const needsRust = ["rust", "live", "contract", "e2e"].some(has);
  /** @type {import("./build/cargo.mjs").TestBinary[] | undefined} */
  let binaries;
  /** @type {{ plugin: string, platform: string } | undefined} */
  let packed;
  if (needsRust) {
    await results.tier("build", "Cargo.toml", async () => {
      binaries = await buildRust();
      if (has("contract") || has("e2e")) {
        await bundle();
        const outDir = mkdtempSync(join(tmpdir(), "openclaw-matrix-packed-"));
        atExit(() => rmSync(outDir, { recursive: true, force: true }));
        packed = await packAll(addonLibrary(), outDir);
      }
      return [{ file: "Cargo.toml", name: "everything builds", status: "passed" }];
    });
  }
  const built = binaries ?? [];
  if (has("rust") && built.length) {
    await results.tier("rust", "crates/", async () => {
      const found = [];
      for (const binary of built.filter((candidate) => candidate.name !== "live")) found.push(...(await runTestBinary(binary)));
      return found;
    });
  }
  /** @type {import("../test/homeserver/synapse.ts").Synapse | undefined} */
  let homeserver;
  if ((has("live") && built.length) || (has("e2e") && packed)) {
    const { Synapse } = await import("../test/homeserver/synapse.ts");
    const synapse = await step("Starting the homeserver (Synapse)", () => Synapse.start());
    atExit(() => synapse.remove());
    homeserver = synapse;
  }
  if (has("live") && built.length && homeserver) {
    const env = { ...process.env, MATRIX_TEST_HOMESERVER: homeserver.baseUrl };
    await results.tier("live", "crates/matrix-core/tests/live/main.rs", async () => {
      const found = [];
      for (const binary of built.filter((candidate) => candidate.name === "live")) found.push(...(await runTestBinary(binary, { env })));
      return found;
    });
    const { baseUrl, serverName } = homeserver;
    await results.tier("crypto", "test/e2e/crypto/", () => {
      const rootDir = mkdtempSync(join(tmpdir(), "openclaw-matrix-addon-"));
      atExit(() => rmSync(rootDir, { recursive: true, force: true }));
      copyFileSync(join(root, "package.json"), join(rootDir, "package.json"));
      placeAddon(addonLibrary(), rootDir);
      return runVitest("crypto", { env: { OPENCLAW_MATRIX_LIVE: JSON.stringify({ homeserver: { baseUrl, serverName }, rootDir }) }, args: vitestArgs });
    });
  }
  const packages = packed;
  if (has("contract") && packages) {
    const env = { OPENCLAW_MATRIX_ADDON: addonLibrary(), OPENCLAW_MATRIX_PACKED: JSON.stringify(packages) };
    await results.tier("contract", "test/contract/", () => runVitest("contract", { env, args: vitestArgs }));
  }
  if (has("e2e") && packages) {
    await results.tier("e2e", "test/e2e/", async () => {
      const { Rig } = await import("../test/support/rig.ts");
      const alone = (/** @type {string} */ word) => word.includes("test/e2e/alone/");
      const files = vitestArgs.filter((word) => word.includes("test/e2e/"));
      /** Two rigs side by side: most of what a scenario does is waiting. */
      const halves = /** @type {{ project: "e2e" | "alone", homeserver?: typeof homeserver, wanted: boolean }[]} */ ([
        { project: "e2e", homeserver, wanted: files.length === 0 || files.some((word) => !alone(word)) },
        { project: "alone", homeserver: undefined, wanted: files.length === 0 || files.some(alone) },
      ]).filter(({ wanted }) => wanted);
      const found = await Promise.all(
        halves.map(async ({ project, homeserver: shared }) => {
          const rig = await Rig.start({ packed: packages, tell: step, undo: atExit, ...(shared ? { homeserver: shared } : {}) });
          const address = await rig.serve();
          atExit(() => rig.unserve());
          say(`  Gateway log of ${project}: ${rig.gateway.logFile}`);
          return runVitest(project, { env: { OPENCLAW_MATRIX_RIG: JSON.stringify(address), OPENCLAW_MATRIX_PACKED: JSON.stringify(packages) }, args: vitestArgs });
        }),
      );
      return found.flat();
    });
  }
  // The sum is the last thing printed, so everything is taken down before it.
  return async () => results.finish();
});
