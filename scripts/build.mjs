// npm run build [-- --release] [-- --pack <folder>]: the addon, the test binaries and dist/; with --pack the tarballs too.
import { parseArgs } from "node:util";
import { resolve } from "node:path";
import { placeAddon } from "./build/addon.mjs";
import { bundle } from "./build/bundle.mjs";
import { addonLibrary, buildReleaseAddon, buildRust } from "./build/cargo.mjs";
import { packAll } from "./build/pack.mjs";
import { main } from "./rig/main.mjs";
import { say } from "./rig/progress.mjs";

await main(async () => {
  const { values } = parseArgs({ options: { release: { type: "boolean", default: false }, pack: { type: "string" } } });
  if (values.release) await buildReleaseAddon();
  else await buildRust();
  const library = addonLibrary(values.release ? "release" : "debug");
  const addon = placeAddon(library);
  await bundle();
  say(`Addon: ${addon}`);
  if (values.pack) {
    const packed = await packAll(library, resolve(values.pack));
    say(`Plugin package: ${packed.plugin}\nPlatform package: ${packed.platform}`);
  }
});
