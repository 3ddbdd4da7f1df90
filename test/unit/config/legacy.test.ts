import { describe, expect, it } from "vitest";
import { legacyConfigRules, normalizeCompatibilityConfig } from "../../../ts/doctor-contract-api.ts";
import { parseMatrixConfig } from "../../../ts/config/schema.ts";

type Json = Record<string, unknown>;

function rewrite(matrix: Json): { matrix: unknown; changes: string[] } {
  const { config, changes } = normalizeCompatibilityConfig({ cfg: { channels: { matrix, other: { kept: true } } } });
  expect(config.channels).toHaveProperty("other", { kept: true });
  return { matrix: config.channels.matrix, changes };
}

/** Whether the host would call the file out of date. */
function reported(matrix: Json): boolean {
  return legacyConfigRules.some((rule) => rule.match(matrix));
}

// Older spelling, today's, and whether today's schema refuses the older one.
const golden: [string, Json, Json, refused: boolean][] = [
  ["flat allowPrivateNetwork", { allowPrivateNetwork: true }, { network: { dangerouslyAllowPrivateNetwork: true } }, false],
  [
    "flat allowPrivateNetwork beside the nested one",
    { allowPrivateNetwork: true, network: { dangerouslyAllowPrivateNetwork: false } },
    { network: { dangerouslyAllowPrivateNetwork: false } },
    false,
  ],
  ["groups.*.allow", { groups: { "!a:b": { allow: false } } }, { groups: { "!a:b": { enabled: false } } }, true],
  ["rooms.*.allow beside enabled", { rooms: { "!a:b": { allow: false, enabled: true } } }, { rooms: { "!a:b": { enabled: true } } }, true],
  ["dm.policy trusted with a list", { dm: { policy: "trusted", allowFrom: ["@a:b"] } }, { dm: { policy: "allowlist", allowFrom: ["@a:b"] } }, true],
  ["dm.policy trusted without one", { dm: { policy: "trusted", allowFrom: [" "] } }, { dm: { policy: "pairing", allowFrom: [" "] } }, true],
  ["scalar streaming", { streaming: "partial" }, { streaming: { mode: "partial" } }, true],
  ["boolean streaming", { streaming: true }, { streaming: { mode: "partial" } }, true],
  ["streaming switched off", { streaming: false }, { streaming: { mode: "off" } }, true],
  ["streamMode", { streamMode: "quiet" }, { streaming: { mode: "quiet" } }, true],
  ["streamMode beside streaming.mode", { streaming: { mode: "off" }, streamMode: "quiet" }, { streaming: { mode: "off" } }, true],
  ["a streamMode nobody knows", { streamMode: "loud" }, {}, true],
  ["blockStreaming and chunkMode", { blockStreaming: true, chunkMode: "newline" }, { streaming: { chunkMode: "newline", block: { enabled: true } } }, true],
  [
    "blockStreaming beside streaming.block",
    { blockStreaming: true, streaming: { block: { coalesce: { minChars: 5 } } } },
    { streaming: { block: { coalesce: { minChars: 5 }, enabled: true } } },
    true,
  ],
  ["threadBindings.spawnSubagentSessions", { threadBindings: { spawnSubagentSessions: false } }, { threadBindings: { spawnSessions: false } }, true],
  [
    "spawn keys that differ: the one that permits less",
    { threadBindings: { spawnSubagentSessions: true, spawnAcpSessions: false } },
    { threadBindings: { spawnSessions: false } },
    true,
  ],
  [
    "the spawn key of today stays",
    { threadBindings: { spawnSessions: true, spawnAcpSessions: false } },
    { threadBindings: { spawnSessions: true } },
    true,
  ],
];

describe("older spellings", () => {
  it.each(golden)("[MIG-1] %s", (_title, before, after, refused) => {
    expect(rewrite(before).matrix).toEqual(after);
    expect(parseMatrixConfig(after)).toMatchObject({ ok: true });
    expect(parseMatrixConfig(before).ok).toBe(!refused);
    expect(reported(before)).toBe(refused);
    expect(reported(after)).toBe(false);
  });

  it.each(golden)("[MIG-1] %s, in an account", (_title, before, after, refused) => {
    const { matrix, changes } = rewrite({ accounts: { "Ops Bot": before } });
    expect(matrix).toEqual({ accounts: { "Ops Bot": after } });
    expect(changes.join()).toContain('channels.matrix.accounts["Ops Bot"]');
    expect(reported({ accounts: { "Ops Bot": before } })).toBe(refused);
  });

  it("[MIG-1] an account's new streaming object starts from the one it used to inherit", () => {
    const { matrix } = rewrite({ streaming: "quiet", chunkMode: "newline", accounts: { ops: { blockStreaming: true } } });
    expect(matrix).toEqual({
      streaming: { mode: "quiet", chunkMode: "newline" },
      accounts: { ops: { streaming: { mode: "quiet", chunkMode: "newline", block: { enabled: true } } } },
    });
  });

  it("[MIG-1] says what it changed, changes nothing twice, and leaves the given configuration alone", () => {
    const before = { allowPrivateNetwork: true, dm: { policy: "trusted" }, groups: { "#a:b": { allow: true } } };
    const given = structuredClone(before);
    const { matrix, changes } = rewrite(given);
    expect(given).toEqual(before);
    expect(changes).toEqual([
      "Moved channels.matrix.allowPrivateNetwork to channels.matrix.network.dangerouslyAllowPrivateNetwork (true).",
      'Moved channels.matrix.groups["#a:b"].allow to enabled (true).',
      'Changed channels.matrix.dm.policy from "trusted" to "pairing".',
    ]);
    expect(rewrite(matrix as Json)).toEqual({ matrix, changes: [] });
  });

  it("[MIG-1] is content with no section at all", () => {
    expect(normalizeCompatibilityConfig({ cfg: {} })).toEqual({ config: {}, changes: [] });
    expect(reported({})).toBe(false);
  });
});
