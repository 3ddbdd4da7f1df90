/** What a contender's process measures about itself; both contenders use this and nothing else. */
import { once } from "node:events";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";

/** Sent by the parent process, so that the password is in no argument. */
export interface Task {
  homeserver: string;
  userId: string;
  password: string;
  /** Rooms the user is in. */
  roomIds: string[];
  /** An empty folder for whatever the contender keeps. */
  stateDir: string;
  /** Folder of the installed plugin. */
  pluginDir: string;
}

/** Memory is in bytes, time in milliseconds. */
export interface Measured {
  /** The bare process, before anything of the contender was loaded. */
  rssBare: number;
  /** Its code is loaded, nobody is logged in. */
  rssLoaded: number;
  /** After login and first sync, after a garbage collection each. */
  rssSynced: number[];
  /** The longest time that the event loop stood still between login and ready. */
  longestStall: number;
  /** From before the login to the end of the first sync. */
  ready: number;
  /** How many of the rooms it knows then. */
  rooms: number;
  /** What it says it is. */
  name: string;
}

/** Its code, loaded by the call and not before. */
export interface Contender {
  name: string;
  /** Logs in and resolves after the first sync with a way to count rooms and to end. */
  start(task: Task): Promise<{ rooms(): Promise<number>; stop(): Promise<void> }>;
}

const SAMPLES = 5;
/** How often the event-loop monitor looks. What it records is the time between two looks, so this much is no stall. */
const RESOLUTION_MS = 10;

function collectedRss(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

/** Runs the contender on the task that the parent process sends, and sends back what was measured. */
export async function measure(load: (task: Task) => Promise<Contender>): Promise<void> {
  if (!globalThis.gc || !process.send) throw new Error("run `npm run bench`");
  const [task] = (await once(process, "message")) as [Task];
  await pause(500);
  const rssBare = collectedRss();
  const contender = await load(task);
  await pause(500);
  const rssLoaded = collectedRss();

  const stalls = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  stalls.enable();
  const began = performance.now();
  const running = await contender.start(task);
  const ready = performance.now() - began;
  // The turn that made it ready ends with this; a stall in it counts too.
  await pause(RESOLUTION_MS * 2);
  stalls.disable();

  // What both do right after the first sync (keys, device lists) is part of what an idle account costs.
  await pause(5000);
  const rssSynced: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    rssSynced.push(collectedRss());
    await pause(1000);
  }
  const measured: Measured = { rssBare, rssLoaded, rssSynced, longestStall: Math.max(0, stalls.max / 1e6 - RESOLUTION_MS), ready, rooms: await running.rooms(), name: contender.name };
  await running.stop();
  process.send(measured, () => process.exit(0));
}
