// npm run demo [-- --keep]: an encrypted message answered by an agent, from nothing.
// --keep leaves everything running, for a conversation with any Matrix client.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { registerWithoutDevice } from "../test/homeserver/users.ts";
import { startHuman } from "../test/support/humans/index.ts";
import { Rig } from "../test/support/rig.ts";
import { bundle } from "./build/bundle.mjs";
import { addonLibrary, buildRust } from "./build/cargo.mjs";
import { packAll } from "./build/pack.mjs";
import { atExit, main } from "./rig/main.mjs";
import { duration, StepFailed, say, step } from "./rig/progress.mjs";

/** How long the agent may take to join or to answer, in milliseconds. */
const PATIENCE_MS = 120_000;

/**
 * Builds both packages.
 * @returns {Promise<import("../test/support/rig.ts").Packed>}
 */
async function pack() {
  await buildRust();
  await bundle();
  const outDir = mkdtempSync(join(tmpdir(), "openclaw-matrix-packed-"));
  atExit(() => rmSync(outDir, { recursive: true, force: true }));
  return packAll(addonLibrary(), outDir);
}

/**
 * Runs the part that needs the gateway; a failure shows the gateway's last lines.
 * @template T
 * @param {Rig} rig
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
async function withGatewayLog(rig, work) {
  try {
    return await work();
  } catch (error) {
    throw new StepFailed(`${error instanceof Error ? error.message : error}\n\nThe gateway's last lines:\n${rig.gateway.log.split("\n").slice(-40).join("\n")}`);
  }
}

await main(async () => {
  const { values } = parseArgs({ options: { keep: { type: "boolean", default: false } } });
  const started = Date.now();
  const packed = await pack();

  let bot = { userId: "", password: "" };
  const rig = await Rig.start({
    packed,
    tell: step,
    undo: atExit,
    beforeGateway: async ({ homeserver, home }) => {
      bot = await registerWithoutDevice(homeserver.baseUrl, "agent");
      // What a person writes into openclaw.json; the homeserver is on loopback, hence `network`.
      home.patchMatrix((matrix) => {
        Object.assign(matrix, {
          enabled: true,
          homeserver: homeserver.baseUrl,
          network: { dangerouslyAllowPrivateNetwork: true },
          userId: bot.userId,
          password: bot.password,
          encryption: true,
          dm: { policy: "open", allowFrom: ["*"] },
          groupPolicy: "open",
          autoJoin: "always",
        });
      });
    },
  });

  await withGatewayLog(rig, async () => {
    const alice = await step("Logging a person in with matrix-nio", async () => startHuman("matrix-nio", await rig.homeserver.register("alice")));
    atExit(() => alice.close());
    const room = await alice.createDm(bot.userId, { encrypted: true });
    await step("Waiting for the agent to accept the invitation", () => alice.waitForMember(room, bot.userId, { timeoutMs: PATIENCE_MS }));

    say(`\nAn end-to-end encrypted DM, ${room}:\n`);
    for (const text of ["Good morning! Can you read this? MARK: first", "And this one too? MARK: second"]) {
      const marker = text.slice(text.indexOf("MARK: ") + 6);
      say(`  ${alice.userId}: ${text}`);
      const asked = Date.now();
      const question = await alice.send(room, text);
      const answer = await alice.waitForMessage(bot.userId, marker, { timeoutMs: PATIENCE_MS });
      say(`  ${bot.userId}: ${answer.newBody ?? answer.body}   (${duration(Date.now() - asked)})`);
      const wires = [await alice.wire(room, question), await alice.wire(room, answer.eventId)];
      if (!answer.encrypted || wires.some((wire) => wire.type !== "m.room.encrypted")) {
        throw new Error(`The conversation was not encrypted: the homeserver holds ${wires.map((wire) => wire.type).join(" and ")}.`);
      }
      const prompts = await rig.prompts(marker);
      if (prompts.length === 0) throw new Error("The answer did not come from the model.");
    }
    if (alice.undecryptable.length) throw new Error(`matrix-nio could not decrypt ${alice.undecryptable.length} events of the agent.`);
    say("\nThe homeserver has seen m.room.encrypted alone; matrix-nio decrypted every answer.");
  });

  say(`\nThe demo passed in ${duration(Date.now() - started)}.`);
  if (!values.keep) {
    say("\nWhat to do next:\n  npm run demo -- --keep     leave it running and talk to the agent with a Matrix client of your own\n  npm test                   run every test\n  README.md                  install the plugin into your own OpenClaw");
    return 0;
  }
  const person = await rig.homeserver.register("you");
  say(`
It keeps running. Join with any Matrix client on this machine:
  homeserver  ${rig.homeserver.baseUrl}
  user        ${person.userId}
  password    ${person.password}
  the agent   ${bot.userId}      start a chat with it; the stub model repeats what it heard
OpenClaw's own commands, on this gateway:
  HOME=${rig.home.dir} node ${join("node_modules", "openclaw", "openclaw.mjs")} channels status --probe
Gateway log: ${rig.gateway.logFile}
Ctrl-C stops everything and deletes its data.`);
  await new Promise(() => {});
});
