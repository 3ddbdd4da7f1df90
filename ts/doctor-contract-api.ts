/** Sidecar of the host's doctor: older spellings of `channels.matrix`. */
import { legacyConfigRules as rules, normalizeLegacyConfig } from "./config/legacy.ts";
import type { HostConfig } from "./config/section.ts";

export const legacyConfigRules = rules;

export function normalizeCompatibilityConfig<T extends HostConfig>({ cfg }: { cfg: T }): { config: T; changes: string[] } {
  return normalizeLegacyConfig(cfg);
}
