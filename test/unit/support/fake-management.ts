/** Rooms that are changed by word alone: a test sees what was asked. */
import type { RoomInfo } from "../../../ts/native/account.ts";
import type { NewRoom, Removal, RoomEdit, RoomManagement, RoomPowers, ThreadPage } from "../../../ts/native/manage.ts";
import { FakeVerification } from "./fake-verification.ts";

export class FakeManagement extends FakeVerification implements RoomManagement {
  /** What was asked of rooms, in order. */
  readonly managed: unknown[][] = [];
  joinedInfos: RoomInfo[] = [];
  threadPage: ThreadPage = { threads: [] };
  powers: RoomPowers = { users: [], usersDefault: 0, eventsDefault: 0, stateDefault: 50, invite: 0, kick: 50, ban: 50, redact: 50 };

  async joinedRooms(): Promise<RoomInfo[]> {
    return this.joinedInfos;
  }

  async createRoom(request: NewRoom): Promise<string> {
    this.managed.push(["create", request]);
    return "!new:example.org";
  }

  async editRoom(roomId: string, edit: RoomEdit): Promise<void> {
    this.managed.push(["edit", roomId, edit]);
  }

  async setSpaceChild(spaceId: string, roomId: string, child: boolean): Promise<void> {
    this.managed.push(["child", spaceId, roomId, child]);
  }

  async invite(roomId: string, userId: string): Promise<void> {
    this.managed.push(["invite", roomId, userId]);
  }

  async removeMember(roomId: string, userId: string, how: Removal, reason?: string): Promise<void> {
    this.managed.push([how, roomId, userId, reason]);
  }

  async roomPowers(): Promise<RoomPowers> {
    return this.powers;
  }

  async setPowerLevel(roomId: string, userId: string, level?: number): Promise<void> {
    this.managed.push(["power", roomId, userId, level]);
  }

  async forgetRoom(roomId: string): Promise<void> {
    this.managed.push(["forget", roomId]);
  }

  async threads(roomId: string, limit: number, from?: string): Promise<ThreadPage> {
    this.managed.push(["threads", roomId, limit, from]);
    return this.threadPage;
  }

  async setPresence(presence: "off" | "online" | "unavailable", status?: string): Promise<void> {
    this.managed.push(["presence", presence, status]);
  }
}
