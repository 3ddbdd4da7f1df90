/** Queues in lists that a test fills. */
import type { DeadLetter, Queues, ShownDeadLetter, UnsentMessage } from "../../../ts/native/queues.ts";

export class FakeQueues implements Queues {
  letters: (DeadLetter & { text?: string })[] = [];
  messages: UnsentMessage[] = [];
  readonly resubmitted: number[] = [];
  readonly retried: number[] = [];
  closed = false;

  async deadLetters(): Promise<DeadLetter[]> {
    return this.letters.map(({ text: _text, ...letter }) => letter);
  }

  async deadLetter(id: number): Promise<ShownDeadLetter | undefined> {
    const found = this.letters.find((letter) => letter.id === id);
    if (!found) return undefined;
    const { text, ...letter } = found;
    return { letter, text };
  }

  async resubmit(ids: number[]): Promise<number[]> {
    const done = await this.dropDeadLetters(ids);
    this.resubmitted.push(...done);
    return done;
  }

  async dropDeadLetters(ids: number[]): Promise<number[]> {
    const done = ids.filter((id) => this.letters.some((letter) => letter.id === id));
    this.letters = this.letters.filter(({ id }) => !done.includes(id));
    return done;
  }

  async unsent(): Promise<UnsentMessage[]> {
    return this.messages;
  }

  async retryUnsent(ids: number[]): Promise<number[]> {
    const done = ids.filter((id) => this.messages.some((message) => message.id === id));
    this.retried.push(...done);
    return done;
  }

  async dropUnsent(ids: number[]): Promise<number[]> {
    const done = ids.filter((id) => this.messages.some((message) => message.id === id));
    this.messages = this.messages.filter(({ id }) => !done.includes(id));
    return done;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
