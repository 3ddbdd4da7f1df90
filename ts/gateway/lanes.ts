/**
 * One lane a conversation: events of a lane reach the host in order, lanes do
 * not wait for each other. A lane moves on when the host has taken the event,
 * not when the answer is there, so that the host's own queue modes (steer,
 * follow-up, collect) see the messages that arrive meanwhile.
 */
export class Lanes {
  readonly #tails = new Map<string, Promise<void>>();
  readonly #work = new Set<Promise<void>>();
  readonly #limit: number;
  #room: (() => void) | undefined;

  /** @param limit events under way at most, waiting ones included */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#work.size;
  }

  /**
   * Queues work in a lane. Work calls `release` when its lane may move on; its
   * end does so in any case. It handles its own errors.
   */
  add(lane: string, work: (release: () => void) => Promise<void>): void {
    const before = this.#tails.get(lane) ?? Promise.resolve();
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const tail = before.then(() => released);
    this.#tails.set(lane, tail);
    const done: Promise<void> = this.#run(before, work, release).finally(() => {
      this.#work.delete(done);
      if (this.#tails.get(lane) === tail) this.#tails.delete(lane);
      this.#room?.();
    });
    this.#work.add(done);
  }

  async #run(before: Promise<void>, work: (release: () => void) => Promise<void>, release: () => void): Promise<void> {
    await before;
    try {
      await work(release);
    } finally {
      release();
    }
  }

  /** Resolves when fewer events than the limit are under way. */
  async room(): Promise<void> {
    while (this.#work.size >= this.#limit) {
      await new Promise<void>((resolve) => {
        this.#room = resolve;
      });
      this.#room = undefined;
    }
  }

  /** Resolves when everything queued so far is over. */
  async idle(): Promise<void> {
    await Promise.all(this.#work);
  }
}
