import type { Homeserver } from "../homeserver/homeserver.ts";
import { request } from "../homeserver/users.ts";

/** Rooms made at the same time; Synapse does not get faster with more. */
const AT_ONCE = 8;
const MESSAGES = 3;

/**
 * A user in `count` rooms with one other person each, every second one encrypted, a few
 * messages in the others.
 */
export async function userInRooms(homeserver: Homeserver, count: number, tell: (made: number) => void): Promise<{ userId: string; password: string; roomIds: string[] }> {
  const bot = await homeserver.register("bench");
  const person = await homeserver.register("person");
  let next = 0;
  const roomIds: string[] = [];
  const worker = async () => {
    for (let number = next++; number < count; number = next++) {
      const encrypted = number % 2 === 0;
      const { room_id } = await request<{ room_id: string }>(homeserver.baseUrl, "POST", "v3/createRoom", {
        token: person.accessToken,
        body: {
          preset: "private_chat",
          name: `Room ${number}`,
          topic: `Number ${number} of ${count}`,
          invite: [bot.userId],
          ...(encrypted ? { initial_state: [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } }] } : {}),
        },
      });
      await request(homeserver.baseUrl, "POST", `v3/rooms/${encodeURIComponent(room_id)}/join`, { token: bot.accessToken, body: {} });
      const messages = encrypted ? 0 : MESSAGES;
      for (let message = 0; message < messages; message++) {
        await request(homeserver.baseUrl, "PUT", `v3/rooms/${encodeURIComponent(room_id)}/send/m.room.message/${number}-${message}`, {
          token: person.accessToken,
          body: { msgtype: "m.text", body: `Message ${message} in room ${number}: the quick brown fox jumps over the lazy dog.` },
        });
      }
      roomIds.push(room_id);
      tell(roomIds.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, worker));
  // The homeserver computes a first sync once before anybody is timed.
  await request(homeserver.baseUrl, "GET", "v3/sync?timeout=0", { token: bot.accessToken });
  await request(homeserver.baseUrl, "POST", "v3/logout", { token: bot.accessToken, body: {} });
  return { userId: bot.userId, password: bot.password, roomIds };
}
