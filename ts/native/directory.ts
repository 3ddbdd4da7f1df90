/** People and rooms, looked up beside the gateway: no store is opened, no lock taken. */
import type { NetworkOptions } from "./account.ts";

/** Whose eyes to look with, and for what. */
export interface LookUp {
  accountId: string;
  /** The account's folder: the session of its last login serves where no token is given. */
  stateDir: string;
  homeserver: string;
  network: NetworkOptions;
  accessToken?: string;
  /** Unwraps the stored session's key. */
  storePassphrase?: string;
  /** The account itself; people of the user directory; joined rooms without direct messages; a room's members; the room behind an alias. */
  wanted: "own" | "people" | "rooms" | "members" | "alias";
  /** A name, a user id, a room id or an alias, where `wanted` needs one. */
  term?: string;
  limit: number;
}

export interface DirectoryEntry {
  /** User id or room id. */
  id: string;
  name?: string;
  /** Of a room. */
  alias?: string;
  avatarUrl?: string;
  /** Of a member. */
  powerLevel?: number;
}
