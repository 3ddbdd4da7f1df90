import type { FaultProxy } from "./proxy.ts";

type Json = Record<string, unknown>;

/** How `/sync` tells of the one-time keys left: not at all, or always of none. */
export type KeyCounts = "absent" | "zero";

/** Members of `/sync` that are optional in the specification and left out by small homeservers. */
const OPTIONAL = ["device_lists", "presence", "account_data", "device_unused_fallback_key_types", "org.matrix.msc2732.device_unused_fallback_key_types"];
const OPTIONAL_OF_ROOM = ["summary", "unread_notifications", "org.matrix.msc3773.unread_thread_notifications", "ephemeral", "account_data", "unread_thread_notifications"];

function rooms(body: Json, membership: string): Json[] {
  const all = (body.rooms as Record<string, Record<string, Json>> | undefined)?.[membership];
  return Object.values(all ?? {});
}

/**
 * Answers as small homeservers of the Conduit family do: what the specification calls
 * optional is left out, and the one-time keys are not counted. `device_lists` stays if
 * it says something: without it nobody could know of new devices.
 */
export function likeConduit(proxy: FaultProxy, userId: string, counts: KeyCounts): () => void {
  const sync = proxy.edit({
    method: "GET",
    path: /^sync$/,
    userId,
    edit(body) {
      const lists = body.device_lists as { changed?: unknown[]; left?: unknown[] } | undefined;
      for (const name of OPTIONAL) if (name !== "device_lists" || !(lists?.changed?.length || lists?.left?.length)) delete body[name];
      delete body.device_one_time_keys_count;
      if (counts === "zero") body.device_one_time_keys_count = { signed_curve25519: 0 };
      for (const room of [...rooms(body, "join"), ...rooms(body, "leave")]) {
        for (const name of OPTIONAL_OF_ROOM) delete room[name];
        const timeline = room.timeline as Json | undefined;
        if (timeline?.limited === false) delete timeline.limited;
        for (const event of (timeline?.events as Json[] | undefined) ?? []) {
          delete (event.unsigned as Json | undefined)?.membership;
          delete (event.unsigned as Json | undefined)?.["io.element.late_event"];
        }
      }
    },
  });
  const others = proxy.edit({ method: "POST", path: /^keys\/(?:query|claim)$/, userId, edit: (body) => void delete body.failures });
  return () => {
    sync();
    others();
  };
}
