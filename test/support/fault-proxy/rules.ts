/** What may happen to a request on its way, and to which one. */

/** Which requests are meant. What is left out fits everything. */
export interface Match {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  /** Of the path behind `/_matrix/client/<version>/`, without the query. */
  path?: RegExp;
  userId?: string;
  deviceId?: string;
}

/**
 * A manner of a network or of what stands before a homeserver.
 *
 * `stall` never answers; `hold` does once the rule is lifted. `reset` sends RST. `answer`
 * speaks in the homeserver's place. `cut` gives half of the body and then RST, or a
 * closed connection, or (`ended`) an end as if that had been all. `slow` gives the body drop by drop.
 */
export type Fault =
  | { kind: "stall" | "hold" | "reset" }
  | { kind: "answer"; status: number; headers?: Record<string, string>; body: string }
  | { kind: "cut"; how: "reset" | "closed" | "ended" }
  | { kind: "slow"; totalMs: number };

export interface RuleOptions extends Match {
  fault: Fault;
  /** The homeserver gets the request and acts on it; only its answer meets the fault. `cut` and `slow` always are so. */
  taken?: boolean;
  /** Fitting requests that pass unharmed before. */
  after?: number;
  /** Requests it harms before it is done; without it all, until it is lifted. */
  times?: number;
  /** Only what exceeds this rate is harmed, as a homeserver's own limit does it. */
  above?: { count: number; perMs: number };
}

/** A request as the rules see it. */
export interface Call {
  method: string;
  path: string;
  userId: string | undefined;
  deviceId: string | undefined;
}

export function fits(match: Match, call: Call): boolean {
  return (
    (match.method === undefined || match.method === call.method) &&
    (match.path === undefined || match.path.test(call.path)) &&
    (match.userId === undefined || match.userId === call.userId) &&
    (match.deviceId === undefined || match.deviceId === call.deviceId)
  );
}

/** A rule that stands in the proxy. */
export class Rule {
  readonly options: RuleOptions;
  /** Fitting requests so far, harmed or not. */
  seen = 0;
  /** Requests it has harmed. */
  hits = 0;
  readonly #lifted = Promise.withResolvers<void>();
  #over = false;
  #struck = 0;
  /** When requests passed that the rate let pass. */
  readonly #let: number[] = [];
  readonly #waiting: { count: number; resolve: () => void }[] = [];

  constructor(options: RuleOptions) {
    this.options = options;
  }

  /** Whether this request is harmed; counts it. */
  takes(call: Call): boolean {
    if (this.#over || !fits(this.options, call)) return false;
    const { after = 0, times = Number.POSITIVE_INFINITY } = this.options;
    this.seen++;
    if (this.seen <= after || this.hits >= times || this.#withinRate()) return false;
    this.hits++;
    return true;
  }

  /** Whether the rate lets one more pass; counts it if so. */
  #withinRate(): boolean {
    const { above } = this.options;
    if (!above) return false;
    const now = performance.now();
    while (this.#let.length && now - (this.#let[0] ?? 0) >= above.perMs) this.#let.shift();
    if (this.#let.length >= above.count) return false;
    this.#let.push(now);
    return true;
  }

  /** A harmed request is where the fault wants it: the homeserver has answered if it was to. */
  struck(): void {
    this.#struck++;
    for (const waiter of this.#waiting) if (this.#struck >= waiter.count) waiter.resolve();
  }

  /** Resolves once `count` requests were harmed. */
  hit(count = 1): Promise<void> {
    if (this.#struck >= count) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ count, resolve });
    return promise;
  }

  /** Ends it: what it holds goes on, what comes passes. What it has stalled stays so. */
  lift(): void {
    this.#over = true;
    this.#lifted.resolve();
  }

  get lifted(): Promise<void> {
    return this.#lifted.promise;
  }
}

/** Sees, and may change, the JSON of answers that fit, once the homeserver has given them with 200. */
export interface Edit extends Match {
  /** `asked` is the request's own JSON, empty if it had none. */
  edit(body: Record<string, unknown>, asked: Record<string, unknown>, call: Call): void;
}

/** A request that has been answered, or has come to its end otherwise. */
export interface Passed extends Call {
  at: number;
  /** What the client got; undefined if it got no whole answer. */
  status: number | undefined;
  fault: Fault["kind"] | undefined;
}
