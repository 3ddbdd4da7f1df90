/** Devices, the direct-message map and the profile, as a person looks after them; part of the contract in account.ts. */
import type { Identity } from "./account.ts";

/** A device of the account's user. */
export interface OwnDevice {
  deviceId: string;
  displayName?: string;
  lastSeenIp?: string;
  lastSeenTs?: number;
  /** The one this account is. */
  current: boolean;
}

/** A room that `m.direct` names for a person. */
export interface MappedRoom {
  roomId: string;
  /** Exactly we two have joined it, as the homeserver says now. */
  strict: boolean;
  /** Absent if we are not in it. */
  joinedMembers?: string[];
}

/** What stands between the account and a person. */
export interface DirectInspection {
  remoteUserId: string;
  selfUserId: string;
  /** In the order of `m.direct`. */
  mappedRooms: MappedRoom[];
  /** Strict rooms that `m.direct` does not name for them. */
  discoveredStrictRoomIds: string[];
  /** Where a message to them should go. */
  activeRoomId?: string;
}

export interface DirectRepair {
  /** How things stand now. */
  inspection: DirectInspection;
  /** The active room is encrypted. */
  encrypted: boolean;
  /** There was none; this one is new, and the person is invited. */
  createdRoomId?: string;
  /** `m.direct` was written. */
  changed: boolean;
  /** `m.direct` as it was, as JSON text. */
  contentBefore: string;
  /** `m.direct` as it is, as JSON text. */
  contentAfter: string;
}

/** What the profile shall say; what is left out stays as it is. */
export interface ProfileWish {
  displayName?: string;
  /** `mxc:`, or an `https:` URL that is fetched and uploaded. */
  avatarUrl?: string;
  /** Fetch the picture again even if it was uploaded from there before. */
  refresh: boolean;
}

export interface ProfileOutcome {
  displayNameUpdated: boolean;
  avatarUpdated: boolean;
  /** The picture's `mxc:` URI. */
  resolvedAvatarUrl?: string;
  /** The picture came from another URL, now or at an earlier time. */
  convertedAvatar: boolean;
}

export interface Upkeep {
  /** All devices of the account's user, ours first, then those used last. */
  devices(): Promise<OwnDevice[]>;
  /** Deletes devices; `password` answers a homeserver that asks for it, else the configured one. */
  deleteDevices(ids: string[], password?: string): Promise<void>;
  inspectDirect(userId: string): Promise<DirectInspection>;
  /** Puts the best room at the head of `m.direct`; never leaves one. */
  repairDirect(userId: string): Promise<DirectRepair>;
  /** Asks first, and writes only what differs. */
  setProfile(wish: ProfileWish): Promise<ProfileOutcome>;
}

/** How to get a new device. */
export interface Renewal {
  /** Logs in; else the configured password does, or the device of a configured token that nobody encrypts with is taken. */
  password?: string;
  /** Also if the present device works. */
  force: boolean;
}

/** The account has another device now. */
export interface Renewed {
  identity: Identity;
  /** The device it had, or was configured to use. */
  formerDevice?: string;
  /** The former device was this account's own, not another client's. */
  formerWasOwn: boolean;
  /** Where the former device's encryption store is now. */
  setAside?: string;
  /** The configured access token is not used any more. */
  tokenRetired: boolean;
}
