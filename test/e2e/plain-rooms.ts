import type { Human } from "../support/humans/index.ts";

/** A room made in one request, as any client could ask for it; unencrypted unless `body` says otherwise. */
export async function makeRoom(person: Human, body: Record<string, unknown> = {}): Promise<string> {
  const { room_id: roomId } = await person.request<{ room_id: string }>("POST", "v3/createRoom", { preset: "public_chat", ...body });
  return roomId;
}

/** A message as it stands on the wire, into a room without encryption. */
export async function post(person: Pick<Human, "request">, roomId: string, content: Record<string, unknown>): Promise<string> {
  const path = `v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${crypto.randomUUID()}`;
  return (await person.request<{ event_id: string }>("PUT", path, { msgtype: "m.text", ...content })).event_id;
}

/** A text with a pill of `userId` before it. */
export function naming(userId: string, text: string): Record<string, unknown> {
  return {
    body: `${userId}: ${text}`,
    format: "org.matrix.custom.html",
    formatted_body: `<a href="https://matrix.to/#/${userId}">${userId}</a>: ${text}`,
    "m.mentions": { user_ids: [userId] },
  };
}

export async function setState(person: Pick<Human, "request">, roomId: string, type: string, key: string, content: Record<string, unknown>): Promise<void> {
  await person.request("PUT", `v3/rooms/${encodeURIComponent(roomId)}/state/${type}/${encodeURIComponent(key)}`, content);
}

/** The membership of each user of a room. */
export async function memberships(person: Pick<Human, "request">, roomId: string): Promise<Record<string, string>> {
  const { chunk } = await person.request<{ chunk: { state_key: string; content: { membership: string } }[] }>("GET", `v3/rooms/${encodeURIComponent(roomId)}/members`);
  return Object.fromEntries(chunk.map((member) => [member.state_key, member.content.membership]));
}
