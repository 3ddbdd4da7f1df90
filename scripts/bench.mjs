// npm run bench [-- --rooms 400] [-- --runs 3] [-- --release] [-- --readme] [-- --faults] [-- --commands]: what an account costs, beside matrix-js-sdk,
// how long the event loop stands still behind the fault proxy (with --faults only that), and what a command costs, beside the official plugin's (with --commands only that). Prints a table of each, writes artifacts/bench.json, and with --readme the tables of the README.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { commandTable, timeCommands } from "../test/bench/commands.ts";
import { crossFaults, faultTable } from "../test/bench/faults.ts";
import { install } from "../test/bench/install.ts";
import { circumstances, commandsIntoReadme, intoReadme, table } from "../test/bench/report.ts";
import { userInRooms } from "../test/bench/rooms.ts";
import { Synapse } from "../test/homeserver/synapse.ts";
import { Rig } from "../test/support/rig.ts";
import { bundle } from "./build/bundle.mjs";
import { addonLibrary, buildReleaseAddon, buildRust } from "./build/cargo.mjs";
import { packAll } from "./build/pack.mjs";
import { atExit, main } from "./rig/main.mjs";
import { StepFailed, say, step } from "./rig/progress.mjs";
import { OPENCLAW_VERSION, root } from "./rig/toolchain.mjs";

/** @typedef {import("../test/bench/measure.ts").Measured} Measured */
/** @typedef {import("../test/bench/measure.ts").Task} Task */

/**
 * One run in a bare Node process of its own.
 * @param {"addon" | "js-sdk"} contender
 * @param {Task} task
 * @returns {Promise<Measured>}
 */
function run(contender, task) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--expose-gc", join(root, "test", "bench", `${contender}.ts`)], { cwd: root, stdio: ["ignore", "ignore", "pipe", "ipc"] });
    let stderr = "";
    /** @type {Measured | undefined} */
    let measured;
    child.stderr?.setEncoding("utf8").on("data", (text) => (stderr += text));
    child.on("message", (message) => (measured = /** @type {Measured} */ (message)));
    child.on("error", reject);
    child.on("close", (code) => {
      if (!measured) reject(new StepFailed(`The run of ${contender} failed (${code}):\n${stderr}`));
      else if (measured.rooms === task.roomIds.length) resolve(measured);
      else reject(new StepFailed(`${measured.name} knows ${measured.rooms} of ${task.roomIds.length} rooms: there is nothing to compare.`));
    });
    child.send(task);
  });
}

/** @param {string} what */
function temporary(what) {
  const dir = mkdtempSync(join(tmpdir(), `openclaw-matrix-bench-${what}-`));
  atExit(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/**
 * @param {string | undefined} text
 * @param {string} option
 */
function positive(text, option) {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new StepFailed(`--${option} takes a number, not ${text}.`);
  return number;
}

await main(async () => {
  const { values } = parseArgs({
    options: {
      rooms: { type: "string", default: "400" },
      runs: { type: "string", default: "3" },
      release: { type: "boolean", default: false },
      readme: { type: "boolean", default: false },
      faults: { type: "boolean", default: false },
      commands: { type: "boolean", default: false },
    },
  });
  const rooms = positive(values.rooms, "rooms");
  const runs = positive(values.runs, "runs");

  if (values.release) await buildReleaseAddon();
  else await buildRust();
  await bundle();
  const packed = await packAll(addonLibrary(values.release ? "release" : "debug"), temporary("packed"));
  const home = temporary("ours");
  // Beside them there is nothing to fetch: the plugin's other platforms are optional and not ours.
  const ours = await install("the plugin as it was packed", home, [packed.platform, packed.plugin], ["--offline", "--cache", temporary("cache")]);
  const pluginDir = join(home, "node_modules", "openclaw-matrix-rs");
  const crossed = async () => {
    const synapse = await step("Starting the homeserver (Synapse)", () => Synapse.start());
    atExit(() => synapse.remove());
    return step("Crossing the fault proxy", () => crossFaults(synapse, { stateDir: temporary("state"), pluginDir }));
  };
  const theirsName = `@openclaw/matrix ${OPENCLAW_VERSION}`;
  const timed = async () => {
    const upstream = execFileSync("npm", ["config", "get", "registry"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    /** @type {[string, import("../test/support/rig.ts").Packed | import("../test/support/rig.ts").Published][]} */
    const plugins = [
      [`openclaw-matrix-rs ${version}`, packed],
      [theirsName, { spec: `@openclaw/matrix@${OPENCLAW_VERSION}`, upstream }],
    ];
    const found = [];
    for (const [name, plugin] of plugins) {
      const rig = await Rig.start({ packed: plugin, tell: step, undo: atExit });
      found.push(await step(`Timing the commands of ${name}`, () => timeCommands(name, rig, runs)));
      // The next one has the machine for itself.
      await rig.gateway.stop();
    }
    return found;
  };
  if (values.faults || values.commands) {
    const text = values.faults ? faultTable(await crossed()) : commandTable(await timed());
    if (values.commands && values.readme) {
      const file = join(root, "README.md");
      writeFileSync(file, commandsIntoReadme(readFileSync(file, "utf8"), `${text}\n\nMedians of ${runs} run${runs === 1 ? "" : "s"} each on ${cpus().length} cores (${cpus()[0]?.model.trim() ?? "unknown"}), Node ${process.versions.node}; memory is the peak of all processes of the command.`));
    }
    return async () => {
      console.log(`\n${text}`);
      return 0;
    };
  }
  const theirs = await install(theirsName, temporary("theirs"), [`@openclaw/matrix@${OPENCLAW_VERSION}`]);

  const synapse = await step("Starting the homeserver (Synapse)", () => Synapse.start());
  atExit(() => synapse.remove());
  const user = await step(`Making ${rooms} rooms`, () =>
    userInRooms(synapse, rooms, (made) => {
      if (made % 50 === 0) say(`  ${made} of ${rooms}`);
    }),
  );

  const task = () => ({ homeserver: synapse.baseUrl, ...user, stateDir: temporary("state"), pluginDir });
  /** @type {{ ours: Measured[], theirs: Measured[] }} */
  const measured = { ours: [], theirs: [] };
  for (let number = 1; number <= runs; number++) {
    const turns = [
      async () => measured.ours.push(await step(`Run ${number} of ${runs}: the addon`, () => run("addon", task()))),
      async () => measured.theirs.push(await step(`Run ${number} of ${runs}: matrix-js-sdk with fake-indexeddb`, () => run("js-sdk", task()))),
    ];
    // The homeserver remembers the last answers: who is second has it easier.
    if (number % 2 === 0) turns.reverse();
    for (const turn of turns) await turn();
  }

  /** @type {import("../test/bench/report.ts").Report} */
  const report = {
    commit: execFileSync("git", ["rev-parse", "HEAD"], { cwd: root, encoding: "utf8" }).trim(),
    date: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model.trim() ?? "unknown", cores: cpus().length, node: process.versions.node, platform: `${process.platform}-${process.arch}` },
    profile: values.release ? "release" : "dev",
    rooms,
    runs: measured,
    installed: { ours, theirs, theirsName },
  };
  report.crossed = await crossed();
  report.commands = await timed();
  mkdirSync(join(root, "artifacts"), { recursive: true });
  writeFileSync(join(root, "artifacts", "bench.json"), `${JSON.stringify(report, null, 2)}\n`);
  if (values.readme) {
    const file = join(root, "README.md");
    writeFileSync(file, intoReadme(readFileSync(file, "utf8"), report));
  }
  return async () => {
    console.log(`\n${table(report)}\n\n${circumstances(report)}\n\n${faultTable(report.crossed ?? [])}\n\n${commandTable(report.commands ?? [])}\n\nartifacts/bench.json has every sample.`);
    return 0;
  };
});
