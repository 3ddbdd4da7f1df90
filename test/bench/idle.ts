/** A bare Node process that does nothing: how long its event loop stands still is the machine's doing. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { type Measure, RESOLUTION_MS, type Stalled } from "./faults.ts";

const stalls = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
stalls.enable();
process.on("message", (measure: Measure) => {
  if (measure === "close") process.exit(0);
  if (measure === "begin") stalls.reset();
  process.send?.({ read: 0, sent: 0, longestStall: Math.max(0, stalls.max / 1e6 - RESOLUTION_MS) } satisfies Stalled);
});
process.send?.({ read: 0, sent: 0, longestStall: 0 } satisfies Stalled);
