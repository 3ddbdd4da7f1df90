/**
 * Two direct-message rooms of one person that share a session: what is said in the one is context in
 * the other. That is the default; a person who did not expect it is told once how to change it (SES-6).
 */
import type { InboundPorts } from "./ports.ts";
import type { PreparedTurn } from "./prepare.ts";
import { dropOldest } from "./oldest.ts";

const SESSIONS = 2000;

/** The room each session last answered each person in. */
export class DirectSessions {
  readonly #rooms = new Map<string, string>();

  /** Notes this room; the other room that the session and the person had before, if it is another. */
  use(sessionKey: string, sender: string, roomId: string): string | undefined {
    const key = JSON.stringify([sessionKey, sender]);
    const before = this.#rooms.get(key);
    this.#rooms.delete(key);
    this.#rooms.set(key, roomId);
    dropOldest(this.#rooms, SESSIONS);
    return before === roomId ? undefined : before;
  }
}

/** Posts the notice where it is due; only where conversations can be bound to sessions at all. */
export async function tellCollision(turn: PreparedTurn, ports: InboundPorts): Promise<void> {
  const { event, sessionKey } = turn;
  const other = ports.directs.use(sessionKey, event.sender, event.roomId);
  if (other === undefined || turn.threadRootId !== undefined) return;
  const { config } = ports.resolved();
  const bindings = config.threadBindings?.enabled ?? ports.cfg().session?.threadBindings?.enabled ?? true;
  const key = JSON.stringify(["shared-dm", sessionKey, event.sender]);
  if (!bindings || (await ports.told.knows(ports.accountId, key))) return;
  await ports.told.note(ports.accountId, key);
  await ports.account
    .sendText({
      roomId: event.roomId,
      markdown:
        "This direct message shares its session with another one between us, so what is said there is known here. " +
        `To keep them apart, set ${ports.path}.dm.sessionScope to "per-room".`,
      kind: "notice",
      key: `in:${event.eventId}:shared-dm`,
      chunkLimit: 4000,
      chunkMode: "length",
      tables: "block",
    })
    .catch((error: unknown) => ports.log.debug?.(`[${ports.accountId}] no notice of the shared session in ${event.roomId}: ${String(error)}`));
}
