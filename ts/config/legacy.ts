/**
 * Older spellings of `channels.matrix` and what they are today (MIG-1). Pure:
 * the host runs this for `openclaw doctor` without loading the channel.
 */
import { dotted } from "./key-path.ts";
import type { HostConfig } from "./section.ts";

type Entry = Record<string, unknown>;

/** What was changed, in sentences; the configuration is a copy where it differs. */
export interface Normalized<T> {
  config: T;
  changes: string[];
}

/** One older spelling. */
interface Spelling {
  /** For a person, without the leading path. */
  message: string;
  /** The current schema still takes it, so it is no error of the file. */
  accepted?: true;
  found: (entry: Entry) => boolean;
  /** Rewrites `entry` in place; `root` is the top level for values an account would have inherited. */
  rewrite: (entry: Entry, path: string, changes: string[], root: Entry | undefined) => void;
}

function object(value: unknown): Entry | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Entry) : undefined;
}

/** Moves `entry[key]` away, reporting where to. */
function take(entry: Entry, key: string): unknown {
  const value = entry[key];
  delete entry[key];
  return value;
}

const STREAMING_MODES = ["partial", "quiet", "progress", "off"];

function streamingMode(value: unknown): string | undefined {
  if (typeof value === "boolean") return value ? "partial" : "off";
  const text = typeof value === "string" ? value.trim().toLowerCase() : "";
  return STREAMING_MODES.includes(text) ? text : undefined;
}

/** The entry's streaming object to write into; an account's replaces the top level's whole, so it starts from that. */
function streamingOf(entry: Entry, root: Entry | undefined): Entry {
  return object(entry.streaming) ?? { ...object(root?.streaming) };
}

function rooms(entry: Entry): [map: "groups" | "rooms", key: string, room: Entry][] {
  return (["groups", "rooms"] as const).flatMap((map) =>
    Object.entries(object(entry[map]) ?? {}).flatMap(([key, value]): [typeof map, string, Entry][] => {
      const room = object(value);
      return room ? [[map, key, room]] : [];
    }),
  );
}

const SPAWN_KEYS = ["spawnSubagentSessions", "spawnAcpSessions"];

const SPELLINGS: Spelling[] = [
  {
    message: "allowPrivateNetwork is written network.dangerouslyAllowPrivateNetwork today",
    accepted: true,
    found: (entry) => "allowPrivateNetwork" in entry,
    rewrite: (entry, path, changes) => {
      const value = take(entry, "allowPrivateNetwork");
      const network = { ...object(entry.network) };
      if (typeof value === "boolean") network.dangerouslyAllowPrivateNetwork ??= value;
      if (Object.keys(network).length > 0) entry.network = network;
      changes.push(`Moved ${path}.allowPrivateNetwork to ${path}.network.dangerouslyAllowPrivateNetwork (${String(network.dangerouslyAllowPrivateNetwork)}).`);
    },
  },
  {
    message: "groups.<room>.allow is groups.<room>.enabled today",
    found: (entry) => rooms(entry).some(([, , room]) => "allow" in room),
    rewrite: (entry, path, changes) => {
      for (const [map, key, room] of rooms(entry)) {
        if (!("allow" in room)) continue;
        const value = take(room, "allow");
        if (typeof value === "boolean") room.enabled ??= value;
        changes.push(`Moved ${path}.${map}[${JSON.stringify(key)}].allow to enabled (${String(room.enabled)}).`);
      }
    },
  },
  {
    message: 'dm.policy "trusted" is "allowlist", or "pairing" without anybody in dm.allowFrom, today',
    found: (entry) => object(entry.dm)?.policy === "trusted",
    rewrite: (entry, path, changes) => {
      const dm = object(entry.dm) as Entry;
      const listed = Array.isArray(dm.allowFrom) && dm.allowFrom.some((one) => String(one).trim() !== "");
      dm.policy = listed ? "allowlist" : "pairing";
      changes.push(`Changed ${path}.dm.policy from "trusted" to "${String(dm.policy)}".`);
    },
  },
  {
    message: "streaming is an object with the mode in streaming.mode today; streamMode, blockStreaming and chunkMode are inside it",
    found: (entry) =>
      ["streamMode", "blockStreaming", "chunkMode"].some((key) => key in entry) ||
      ("streaming" in entry && object(entry.streaming) === undefined),
    rewrite: rewriteStreaming,
  },
  {
    message: "threadBindings.spawnSubagentSessions and .spawnAcpSessions are the one threadBindings.spawnSessions today",
    found: (entry) => SPAWN_KEYS.some((key) => key in (object(entry.threadBindings) ?? {})),
    rewrite: (entry, path, changes) => {
      const bindings = object(entry.threadBindings) as Entry;
      const stated = SPAWN_KEYS.filter((key) => key in bindings).map((key) => take(bindings, key));
      // Where the two differ, the one that permits less.
      bindings.spawnSessions ??= stated.every((value) => value !== false);
      changes.push(`Merged ${path}.threadBindings.${SPAWN_KEYS.join(" and .")} into spawnSessions (${String(bindings.spawnSessions)}).`);
    },
  },
];

function rewriteStreaming(entry: Entry, path: string, changes: string[], root: Entry | undefined): void {
  const streaming = streamingOf(entry, root);
  const own = object(entry.streaming) !== undefined;
  const scalar = own ? undefined : take(entry, "streaming");
  const stated = streamingMode(scalar) ?? streamingMode(take(entry, "streamMode"));
  delete entry.streamMode;
  if (stated && !(own && "mode" in streaming)) streaming.mode = stated;
  const chunkMode = take(entry, "chunkMode");
  if ((chunkMode === "length" || chunkMode === "newline") && !(own && "chunkMode" in streaming)) streaming.chunkMode = chunkMode;
  const block = take(entry, "blockStreaming");
  if (typeof block === "boolean") {
    const inner = { ...object(streaming.block) };
    if (!(own && "enabled" in inner)) inner.enabled = block;
    streaming.block = inner;
  }
  if (Object.keys(streaming).length > 0) entry.streaming = streaming;
  changes.push(`Rewrote the streaming keys of ${path} as ${path}.streaming = ${JSON.stringify(streaming)}.`);
}

/** Top level and accounts, each with its path. */
function entriesOf(section: Entry): [path: string, entry: Entry][] {
  const accounts = Object.entries(object(section.accounts) ?? {}).flatMap(([id, value]): [string, Entry][] => {
    const account = object(value);
    return account ? [[dotted(["channels", "matrix", "accounts", id]), account]] : [];
  });
  return [["channels.matrix", section], ...accounts];
}

/** What the host reports as legacy: the spellings that today's schema refuses. */
export const legacyConfigRules = SPELLINGS.filter((spelling) => !spelling.accepted).map((spelling) => ({
  path: ["channels", "matrix"],
  message: `channels.matrix or one of its accounts: ${spelling.message}. Run "openclaw doctor --fix".`,
  match: (value: unknown): boolean => {
    const section = object(value);
    return section !== undefined && entriesOf(section).some(([, entry]) => spelling.found(entry));
  },
}));

/** Rewrites every older spelling, the accepted one included; the configuration given is left as it is. */
export function normalizeLegacyConfig<T extends HostConfig>(cfg: T): Normalized<T> {
  const section = object(cfg.channels?.matrix);
  const changes: string[] = [];
  if (!section) return { config: cfg, changes };
  const matrix = structuredClone(section);
  for (const [path, entry] of entriesOf(matrix)) {
    for (const spelling of SPELLINGS) {
      if (spelling.found(entry)) spelling.rewrite(entry, path, changes, entry === matrix ? undefined : matrix);
    }
  }
  return changes.length === 0 ? { config: cfg, changes } : { config: { ...cfg, channels: { ...cfg.channels, matrix } }, changes };
}
