/**
 * The account of this plugin in a bare Node process behind the fault proxy: it answers what it
 * reads and measures how long its event loop stands still. The parent sends the task, then
 * `begin` before each manner and `now` whenever it wants to know.
 */
import { once } from "node:events";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { loadNative } from "../../ts/native/load.ts";
import { accountOptions } from "../support/account-options.ts";
import { type Measure, RESOLUTION_MS, type Stalled } from "./faults.ts";
import type { Task } from "./measure.ts";

if (!process.send) throw new Error("run `npm run bench`");
const reply = (message: Stalled): void => void process.send?.(message);

const [task] = (await once(process, "message")) as [Task];
const { homeserver, userId, password, stateDir, pluginDir } = task;
const account = await loadNative(pluginDir).openAccount(accountOptions(homeserver, stateDir, { auth: { type: "password", userId, password } }));
const read = new Set<string>();
let sent = 0;

async function answer(): Promise<void> {
  for await (const batch of account.batches()) {
    for (const event of batch) {
      if (event.type !== "message" || !event.eventId || event.sender === userId) continue;
      read.add(event.eventId);
      // The answer goes to every room, so that some of them are encrypted.
      for (const roomId of task.roomIds) {
        void account
          .sendText({ roomId, markdown: `**${event.body}**`, kind: "text", chunkLimit: 4000, chunkMode: "length", tables: "off", key: `${event.eventId} ${roomId}`, waitMs: 300_000 })
          .then(({ state }) => (sent += state === "sent" ? 1 : 0))
          .catch(() => undefined);
      }
    }
    await account.settle(batch.map(({ seq }) => seq));
  }
}

account.start();
let health = await account.health();
while (health.sync.state !== "running") health = (await account.healthAfter(health.version)) ?? health;
const answering = answer();

const stalls = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
stalls.enable();
process.on("message", (measure: Measure) => {
  if (measure === "begin") {
    stalls.reset();
    reply({ read: read.size, sent, longestStall: 0 });
  } else if (measure === "now") {
    reply({ read: read.size, sent, longestStall: Math.max(0, stalls.max / 1e6 - RESOLUTION_MS) });
  } else {
    void account
      .close()
      .then(() => answering)
      .then(() => process.exit(0));
  }
});
reply({ read: 0, sent: 0, longestStall: 0 });
