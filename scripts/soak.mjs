// npm run soak [-- --rounds 50] [-- --seed 1] [-- --plugin official] [-- --readme]: kills, restarts and freezes gateway and
// homeserver while people talk to the agent, and counts what they got. Exits 1 on any loss or duplicate.
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { registerWithoutDevice } from "../test/homeserver/users.ts";
import { localGround } from "../test/soak/ground.ts";
import { failures, intoReadme, remarks, table } from "../test/soak/report.ts";
import { soak } from "../test/soak/run.ts";
import { agentSettings } from "../test/soak/settings.ts";
import { Rig } from "../test/support/rig.ts";
import { bundle } from "./build/bundle.mjs";
import { addonLibrary, buildRust } from "./build/cargo.mjs";
import { packAll } from "./build/pack.mjs";
import { atExit, main } from "./rig/main.mjs";
import { StepFailed, say, step } from "./rig/progress.mjs";
import { OPENCLAW_VERSION, root } from "./rig/toolchain.mjs";

/**
 * @param {string | undefined} text
 * @param {string} option
 */
function whole(text, option) {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new StepFailed(`--${option} takes a number from 1, not ${text}.`);
  return number;
}

/**
 * What is installed: our own build, or the official plugin from the registry npm is set up with.
 * @param {string} plugin
 * @returns {Promise<{ name: string, packed: import("../test/support/rig.ts").Packed | import("../test/support/rig.ts").Published }>}
 */
async function contender(plugin) {
  if (plugin === "official") {
    const upstream = execFileSync("npm", ["config", "get", "registry"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    return { name: `@openclaw/matrix ${OPENCLAW_VERSION}`, packed: { spec: `@openclaw/matrix@${OPENCLAW_VERSION}`, upstream } };
  }
  if (plugin !== "ours") throw new StepFailed(`--plugin takes "ours" or "official", not ${plugin}.`);
  await buildRust();
  await bundle();
  const outDir = mkdtempSync(join(tmpdir(), "openclaw-matrix-packed-"));
  atExit(() => rmSync(outDir, { recursive: true, force: true }));
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return { name: `openclaw-matrix-rs ${version}`, packed: await packAll(addonLibrary(), outDir) };
}

await main(async () => {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "50" },
      seed: { type: "string", default: "1" },
      plugin: { type: "string", default: "ours" },
      readme: { type: "boolean", default: false },
    },
  });
  const rounds = whole(values.rounds, "rounds");
  const seed = whole(values.seed, "seed");
  const { name, packed } = await contender(values.plugin);

  let botUserId = "";
  const rig = await Rig.start({
    packed,
    tell: step,
    undo: atExit,
    beforeGateway: async ({ homeserver, home }) => {
      const bot = await registerWithoutDevice(homeserver.baseUrl, "agent");
      botUserId = bot.userId;
      home.patchMatrix((matrix) => Object.assign(matrix, agentSettings(homeserver.baseUrl), bot));
    },
  });
  const artifacts = join(root, "artifacts");
  mkdirSync(artifacts, { recursive: true });
  const log = join(artifacts, `soak-${values.plugin}.log`);
  atExit(() => copyFileSync(rig.gateway.logFile, log));
  say(`${rounds} rounds of seed ${seed} against ${name}; gateway log: ${rig.gateway.logFile}`);
  const result = await soak({ rounds, seed, ground: localGround(rig), botUserId, undo: atExit, tell: say });

  const cpu = cpus();
  /** @type {import("../test/soak/report.ts").SoakReport} */
  const report = { plugin: name, rounds, seed, date: new Date().toISOString(), machine: `${cpu.length} × ${cpu[0]?.model.trim() ?? "unknown"}`, result };
  const file = join(root, "README.md");
  if (values.readme) writeFileSync(file, intoReadme(readFileSync(file, "utf8"), report));
  const found = failures(result);
  // What the host, the queues and the model knew: a loss cannot be told from the log alone. The homeserver and the model are this rig's own, so nothing in it is anybody's.
  const evidence = join(artifacts, `soak-${values.plugin}-evidence`);
  rmSync(evidence, { recursive: true, force: true });
  if (found.length > 0) {
    await rig.gateway.stop();
    cpSync(join(rig.home.dir, ".openclaw"), evidence, { recursive: true, filter: (source) => !source.includes("node_modules") });
    const markers = [...result.tally.lost, ...result.tally.duplicates.map(({ question }) => question), ...result.tally.disorder.map(({ question }) => question)].map(({ marker }) => marker);
    for (const marker of new Set(markers)) writeFileSync(join(evidence, `prompts-${marker}.json`), JSON.stringify(await rig.prompts(marker), null, 1));
  }
  return async () => {
    console.log(`\n${table(report)}\n\n${remarks(report).join("\n")}`);
    for (const line of found) console.log(`- ${line}`);
    console.log(`\n${found.length ? `The soak failed (${found.length}); the gateway's log is ${log}, its state in ${evidence}.` : "The soak passed: nothing lost, nothing twice, all readable, all in order."}`);
    return found.length ? 1 : 0;
  };
});
