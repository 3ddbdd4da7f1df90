export { type KeyCounts, likeConduit } from "./conduit.ts";
export * as faults from "./faults.ts";
export { FaultProxy } from "./proxy.ts";
export type { Fault, Match, Rule, RuleOptions } from "./rules.ts";
export { HeldToDevice, type ToDeviceEvent } from "./to-device.ts";
