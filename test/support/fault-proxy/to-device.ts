import { type FaultProxy, renewed } from "./proxy.ts";

/** A to-device event of `/sync`. */
export interface ToDeviceEvent {
  type: string;
  sender: string;
  content: Record<string, unknown>;
}

/** What every answer of `/sync` should say of the device's keys: repeated in the answers made here. */
const KEY_COUNTS = ["device_one_time_keys_count", "device_unused_fallback_key_types", "org.matrix.msc2732.device_unused_fallback_key_types"];

/**
 * Keeps to-device events of a user from their device until they are released, over
 * any number of the client's restarts. The homeserver believes that they arrived.
 */
export class HeldToDevice {
  readonly #proxy: FaultProxy;
  readonly #userId: string;
  readonly #wanted: (event: ToDeviceEvent) => boolean;
  readonly #held = new Map<string, ToDeviceEvent>();
  readonly #stopEditing: () => void;
  #counts: Record<string, unknown> = {};
  #released = false;

  constructor(proxy: FaultProxy, userId: string, wanted: (event: ToDeviceEvent) => boolean = () => true) {
    this.#proxy = proxy;
    this.#userId = userId;
    this.#wanted = wanted;
    this.#stopEditing = proxy.edit({ method: "GET", path: /^sync$/, userId, edit: (body) => this.#edit(body) });
  }

  /** How many are held. */
  get count(): number {
    return this.#held.size;
  }

  #edit(body: Record<string, unknown>): void {
    for (const name of KEY_COUNTS) if (name in body) this.#counts[name] = body[name];
    const events = (body.to_device as { events?: ToDeviceEvent[] } | undefined)?.events ?? [];
    if (this.#released) {
      // No poll was waiting: they come with this answer, before its own.
      body.to_device = { events: [...this.#held.values(), ...events] };
      body.next_batch = renewed(body.next_batch);
      this.#held.clear();
      this.#stopEditing();
      return;
    }
    const kept = events.filter((event) => {
      if (!this.#wanted(event)) return true;
      // A client that comes back with its old token is given them again.
      this.#held.set(JSON.stringify(event), event);
      return false;
    });
    if (events.length) body.to_device = { events: kept };
  }

  /** Delivers them, in the order in which they came: at once if a poll waits, else with the next answer. */
  release(): void {
    this.#released = true;
    const poll = this.#proxy.waiting({ method: "GET", path: /^sync$/, userId: this.#userId }).find(({ query, rule }) => query.has("since") && !rule);
    if (!poll) return;
    const events = [...this.#held.values()];
    this.#held.clear();
    this.#stopEditing();
    const body = { next_batch: renewed(poll.query.get("since")), to_device: { events }, ...this.#counts };
    poll.response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  }
}
