/**
 * What an account remembers over restarts beside its own store: that it took part
 * in a thread, that it told a person something once. Kept in the host's state
 * database, in namespaces of this plugin, each entry for a time.
 */
import { createPersistentDedupe } from "openclaw/plugin-sdk/persistent-dedupe";

export interface Memory {
  /** Remembers it from now on. Never fails: what cannot be stored is remembered in this process. */
  note: (accountId: string, key: string) => Promise<void>;
  /** Whether it was noted, and not too long ago. */
  knows: (accountId: string, key: string) => Promise<boolean>;
}

/** An entry noted this recently is not written again. */
const REFRESH_MS = 60 * 60_000;
const ENTRIES = 5000;

/** @param what names the kind of thing; part of the namespace */
export function createMemory(what: string, ttlMs: number, onError: (error: unknown) => void = () => undefined): Memory {
  const dedupe = createPersistentDedupe({ pluginId: "matrix", namespacePrefix: `matrix-${what}`, ttlMs, memoryMaxSize: ENTRIES, stateMaxEntries: ENTRIES, onDiskError: onError });
  const written = new Map<string, number>();
  return {
    note: async (accountId, key) => {
      const id = JSON.stringify([accountId, key]);
      const now = Date.now();
      if (now - (written.get(id) ?? 0) < REFRESH_MS) return;
      written.delete(id);
      written.set(id, now);
      if (written.size > ENTRIES) written.delete(written.keys().next().value as string);
      try {
        await dedupe.forget(key, { namespace: accountId });
        await dedupe.checkAndRecord(key, { namespace: accountId });
      } catch (error) {
        onError(error);
      }
    },
    knows: async (accountId, key) => {
      if (Date.now() - (written.get(JSON.stringify([accountId, key])) ?? 0) < REFRESH_MS) return true;
      return dedupe.hasRecent(key, { namespace: accountId }).catch(() => false);
    },
  };
}

const DAY_MS = 24 * 60 * 60_000;

/** Modules are evaluated several times in one process; the memories are one for all. */
const KEY = Symbol.for("openclaw-matrix-rs.memory.1");

function shared(what: string, ttlMs: number): Memory {
  const holder = globalThis as { [KEY]?: Map<string, Memory> };
  holder[KEY] ??= new Map();
  const known = holder[KEY].get(what);
  if (known) return known;
  const made = createMemory(what, ttlMs);
  holder[KEY].set(what, made);
  return made;
}

/** Threads in which the account has spoken: follow-ups there are for it (HST-1). */
export const participation = (): Memory => shared("threads", 7 * DAY_MS);

/** Notices that are given once. */
export const toldOnce = (): Memory => shared("told", 90 * DAY_MS);
