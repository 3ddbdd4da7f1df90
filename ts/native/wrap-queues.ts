/** The contract of queues.ts over the generated binding. */
import type * as Binding from "./binding.d.ts";
import { call, find } from "./call.ts";
import type { DeadLetter, Queues, ShownDeadLetter, UnsentMessage } from "./queues.ts";

export class NativeQueues implements Queues {
  readonly #native: Binding.Queues;

  constructor(native: Binding.Queues) {
    this.#native = native;
  }

  deadLetters(): Promise<DeadLetter[]> {
    return call(() => this.#native.deadLetters());
  }

  deadLetter(id: number): Promise<ShownDeadLetter | undefined> {
    return find(() => this.#native.deadLetter(id));
  }

  resubmit(ids: number[]): Promise<number[]> {
    return call(() => this.#native.resubmit(ids));
  }

  dropDeadLetters(ids: number[]): Promise<number[]> {
    return call(() => this.#native.dropDeadLetters(ids));
  }

  unsent(): Promise<UnsentMessage[]> {
    return call(() => this.#native.unsent());
  }

  retryUnsent(ids: number[]): Promise<number[]> {
    return call(() => this.#native.retryUnsent(ids));
  }

  dropUnsent(ids: number[]): Promise<number[]> {
    return call(() => this.#native.dropUnsent(ids));
  }

  close(): Promise<void> {
    return call(() => this.#native.close());
  }
}
