/** The contract of manage.ts over the generated binding. */
import type { RoomInfo } from "./account.ts";
import type * as Binding from "./binding.d.ts";
import { call } from "./call.ts";
import type { NewRoom, Removal, RoomEdit, RoomManagement, RoomPowers, ThreadPage } from "./manage.ts";
import { NativeVerification } from "./wrap-verification.ts";

export class NativeManagement extends NativeVerification implements RoomManagement {
  readonly #native: Binding.Account;

  constructor(native: Binding.Account) {
    super(native);
    this.#native = native;
  }

  joinedRooms(): Promise<RoomInfo[]> {
    return call(() => this.#native.joinedRooms());
  }

  createRoom(request: NewRoom): Promise<string> {
    return call(() => this.#native.createRoom(request));
  }

  editRoom(roomId: string, edit: RoomEdit): Promise<void> {
    return call(() => this.#native.editRoom(roomId, edit));
  }

  setSpaceChild(spaceId: string, roomId: string, child: boolean): Promise<void> {
    return call(() => this.#native.setSpaceChild(spaceId, roomId, child));
  }

  invite(roomId: string, userId: string): Promise<void> {
    return call(() => this.#native.invite(roomId, userId));
  }

  removeMember(roomId: string, userId: string, how: Removal, reason?: string): Promise<void> {
    return call(() => this.#native.removeMember(roomId, userId, how, reason));
  }

  roomPowers(roomId: string): Promise<RoomPowers> {
    return call(() => this.#native.roomPowers(roomId));
  }

  setPowerLevel(roomId: string, userId: string, level?: number): Promise<void> {
    return call(() => this.#native.setPowerLevel(roomId, userId, level));
  }

  forgetRoom(roomId: string): Promise<void> {
    return call(() => this.#native.forgetRoom(roomId));
  }

  threads(roomId: string, limit: number, from?: string): Promise<ThreadPage> {
    return call(() => this.#native.threads(roomId, limit, from));
  }

  setPresence(presence: "off" | "online" | "unavailable", status?: string): Promise<void> {
    return call(() => this.#native.setPresence(presence, status));
  }
}
