/** Making, changing and moderating rooms, as the rest of the plugin sees it; part of the account's contract. */
import type { RoomInfo } from "./account.ts";
import type { ReadMessage } from "./past.ts";

/** The power of a room's creators, who stand above all levels from room version 12 on: the largest number of Matrix. */
export const CREATOR_POWER = Number.MAX_SAFE_INTEGER;

/** A power level as people and agents are told of it. */
export function shownPower(level: number): number | "creator" {
  return level >= CREATOR_POWER ? "creator" : level;
}

/** A room to be made. */
export interface NewRoom {
  name?: string;
  topic?: string;
  /** User ids. */
  invite: string[];
  encrypted: boolean;
  /** A space: it holds other rooms instead of messages. */
  space: boolean;
  /** Everybody may join. */
  public: boolean;
  /** The space it is to lie in. */
  parent?: string;
}

/** What a room shall say of itself; what is left out stays as it is. */
export interface RoomEdit {
  name?: string;
  topic?: string;
  /** `mxc:`, or an `https:` URL that is fetched and uploaded. */
  avatarUrl?: string;
}

export type Removal = "kick" | "ban" | "unban";

/** Who may do what in a room: power levels. */
export interface RoomPowers {
  /** Those who have more or less than all others, the mightiest first; a creator has `CREATOR_POWER`. */
  users: { userId: string; powerLevel: number }[];
  /** What all others have. */
  usersDefault: number;
  /** Needed to write. */
  eventsDefault: number;
  /** Needed to change the room. */
  stateDefault: number;
  invite: number;
  kick: number;
  ban: number;
  /** Needed to delete others' messages. */
  redact: number;
}

export interface Thread {
  /** The message that the others answer. */
  root: ReadMessage;
  /** Absent where the homeserver does not say. */
  replies?: number;
  latestAt?: number;
}

export interface ThreadPage {
  /** Those with the newest answer first. */
  threads: Thread[];
  /** Where the next page begins; absent after the last. */
  next?: string;
}

export interface RoomManagement {
  /** The rooms the account is in. */
  joinedRooms(): Promise<RoomInfo[]>;
  /** The room's id. */
  createRoom(request: NewRoom): Promise<string>;
  editRoom(roomId: string, edit: RoomEdit): Promise<void>;
  /** Puts a room into a space, or takes it out. */
  setSpaceChild(spaceId: string, roomId: string, child: boolean): Promise<void>;
  invite(roomId: string, userId: string): Promise<void>;
  removeMember(roomId: string, userId: string, how: Removal, reason?: string): Promise<void>;
  roomPowers(roomId: string): Promise<RoomPowers>;
  /** Without a level they have what all others have. */
  setPowerLevel(roomId: string, userId: string, level?: number): Promise<void>;
  /** Lets the homeserver forget a room that was left. */
  forgetRoom(roomId: string): Promise<void>;
  /** At most 100. */
  threads(roomId: string, limit: number, from?: string): Promise<ThreadPage>;
  /** What others see of the account, until it is opened anew. */
  setPresence(presence: "off" | "online" | "unavailable", status?: string): Promise<void>;
}
