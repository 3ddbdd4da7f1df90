/** `channels.matrix` in the host's configuration, which the host has validated. */
import type { MatrixChannelConfig } from "./schema.ts";

/** What this plugin reads of the host's configuration; the host's own type is assignable to it. */
export interface HostConfig {
  channels?: { matrix?: unknown; defaults?: unknown } & Record<string, unknown>;
}

/** `channels.matrix` as the host has validated it; empty when there is none. */
export function matrixSection(cfg: HostConfig): MatrixChannelConfig {
  const section = cfg.channels?.matrix;
  return typeof section === "object" && section !== null && !Array.isArray(section) ? section : {};
}
