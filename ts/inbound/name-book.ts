/**
 * Names in the configuration that stand for ids: aliases of the room map, which the homeserver
 * resolves (ACL-7), and, where `dangerouslyAllowNameMatching` allows it, names of people and of
 * rooms (ACL-11).
 */
import type { MatrixAccountConfig } from "../config/accounts.ts";
import { normalizeRoomKey } from "../config/rooms.ts";
import type { Account, RoomInfo } from "../native/account.ts";
import { normalizeUserEntry } from "./policy.ts";
import { dropOldest } from "./oldest.ts";

/** What was found counts this long, what was not found or could not be asked shorter; milliseconds. */
const FOUND_MS = 10 * 60_000;
const MISSED_MS = 60_000;
/** Rooms whose names are remembered for places that cannot wait. */
const ROOMS = 2000;
/** Results the user directory is asked for; a name with more bearers means nobody. */
const CANDIDATES = 20;

interface Found<T> {
  value: T | undefined;
  until: number;
}

/** Asks once for each name and keeps the answer for a while; an error keeps the last answer. */
class Lookup<T> {
  readonly #known = new Map<string, Found<T>>();
  readonly #ask: (name: string) => Promise<T | undefined>;
  readonly #now: () => number;

  constructor(ask: (name: string) => Promise<T | undefined>, now: () => number) {
    this.#ask = ask;
    this.#now = now;
  }

  async get(name: string): Promise<T | undefined> {
    const known = this.#known.get(name);
    if (known && known.until > this.#now()) return known.value;
    try {
      const value = await this.#ask(name);
      this.#known.set(name, { value, until: this.#now() + (value === undefined ? MISSED_MS : FOUND_MS) });
      return value;
    } catch {
      this.#known.set(name, { value: known?.value, until: this.#now() + MISSED_MS });
      return known?.value;
    }
  }
}

export class NameBook {
  readonly #aliases: Lookup<string>;
  readonly #people: Lookup<string>;
  readonly #rooms = new Map<string, readonly string[]>();

  /** @param now milliseconds; tests move it */
  constructor(account: Pick<Account, "resolveAlias" | "searchUsers">, now: () => number = Date.now) {
    this.#aliases = new Lookup(async (alias) => (await account.resolveAlias(alias))?.roomId, now);
    this.#people = new Lookup(async (name) => {
      const found = await account.searchUsers(name, CANDIDATES);
      const bearers = found.filter((user) => user.displayName?.trim() === name);
      return bearers.length === 1 ? bearers[0]?.userId : undefined;
    }, now);
  }

  /**
   * The keys of the room map, besides the id, that mean this room: its aliases as the homeserver has
   * them, whatever the room says of itself, and its name where names may count.
   */
  async namesOf(room: Pick<RoomInfo, "roomId" | "name">, config: MatrixAccountConfig): Promise<readonly string[]> {
    const keys = Object.keys(config.groups ?? {}).map(normalizeRoomKey);
    const aliases = await Promise.all(
      keys.filter((key) => key.startsWith("#")).map(async (alias) => ((await this.#aliases.get(alias)) === room.roomId ? alias : undefined)),
    );
    const names = aliases.filter((alias) => alias !== undefined);
    const name = room.name?.trim();
    // A name cannot take the place of an id, an alias or the wildcard.
    if (config.dangerouslyAllowNameMatching && name && !/^[!#@*]/.test(name)) names.push(name);
    this.#rooms.delete(room.roomId);
    this.#rooms.set(room.roomId, names);
    dropOldest(this.#rooms, ROOMS);
    return names;
  }

  /** The same from the last time it was asked; nothing for a room that has not spoken yet. */
  knownNames(roomId: string): readonly string[] {
    return this.#rooms.get(roomId) ?? [];
  }

  /** An allowlist with the names in it resolved; without the permission it stays as it is, and names admit nobody. */
  async people(entries: readonly (string | number)[], config: MatrixAccountConfig): Promise<string[]> {
    const texts = entries.map(String);
    if (!config.dangerouslyAllowNameMatching) return texts;
    const resolved = await Promise.all(
      texts.map(async (entry) => {
        const bare = entry.trim();
        const isName = bare !== "" && normalizeUserEntry(bare) === undefined && !/^(?:@|accessGroup:)/.test(bare);
        return isName ? this.#people.get(bare) : entry;
      }),
    );
    return resolved.filter((entry) => entry !== undefined);
  }
}
