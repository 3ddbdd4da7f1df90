/**
 * Messages in quick succession from one person in one conversation are one question (`messages.inbound`, HST-2): they
 * are held until nothing more comes for a moment, and given to the agent together, under the last one's id. Each
 * stays a row of its own in the inbox until then.
 */
import type { Drop } from "./drop.ts";
import type { TurnProgress } from "./ports.ts";
import type { PreparedTurn } from "./prepare.ts";

/** Somebody who never pauses is answered all the same. */
const MOST_WINDOWS = 10;
const MOST_MESSAGES = 50;

type Run = (turn: PreparedTurn, progress: TurnProgress) => Promise<Drop | undefined>;

interface Held {
  turns: PreparedTurn[];
  progress: TurnProgress[];
  since: number;
  timer: NodeJS.Timeout | undefined;
  run: Run;
  done: Promise<Drop | undefined>;
  settle: (outcome: Promise<Drop | undefined>) => void;
  /** The host has taken it, or it is over. */
  taken: Promise<void>;
  take: () => void;
}

/** Whether a message may wait for more: what a person writes, not what is asked for at once. */
function waits({ event, isCommand, reaction }: PreparedTurn): boolean {
  return !isCommand && !reaction && (event.kind === "text" || event.kind === "notice" || event.kind === "emote");
}

/** One question of several messages, answered where the last one stands. */
function joined(turns: readonly PreparedTurn[]): PreparedTurn {
  const last = turns.at(-1) as PreparedTurn;
  const lines = (of: (turn: PreparedTurn) => string) => turns.map(of).join("\n");
  return {
    ...last,
    text: lines((turn) => turn.text),
    rawText: lines((turn) => turn.rawText),
    mentioned: turns.some((turn) => turn.mentioned),
    implicit: [...new Set(turns.flatMap((turn) => turn.implicit))],
    ambient: turns.every((turn) => turn.ambient),
  };
}

export class Bursts {
  readonly #held = new Map<string, Held>();

  /**
   * Runs the turn, alone or with those that come within `windowMs`; 0 is alone. Resolves and rejects as the run does.
   */
  async add(turn: PreparedTurn, windowMs: number, progress: TurnProgress, run: Run): Promise<Drop | undefined> {
    const key = JSON.stringify([turn.sessionKey, turn.event.roomId, turn.threadRootId ?? null, turn.event.sender]);
    if (windowMs <= 0 || !waits(turn)) {
      // What was said before stays before it.
      const before = this.#held.get(key);
      if (before) {
        this.#flush(key, before);
        await before.taken;
      }
      return run(turn, progress);
    }
    const held = this.#held.get(key) ?? this.#hold(key, run);
    held.turns.push(turn);
    held.progress.push(progress);
    // The conversation's next message is one of this question, perhaps.
    progress.released();
    clearTimeout(held.timer);
    const left = Math.max(0, held.since + MOST_WINDOWS * windowMs - Date.now());
    if (held.turns.length >= MOST_MESSAGES) this.#flush(key, held);
    else held.timer = setTimeout(() => this.#flush(key, held), Math.min(windowMs, left));
    try {
      return await held.done;
    } catch (error) {
      // The last message's row tells the person, if there is something to tell; the others come again with it.
      if (held.turns.at(-1) === turn) throw error;
      throw new Error(`the message after it failed: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }

  #hold(key: string, run: Run): Held {
    let settle: Held["settle"] = () => undefined;
    let take: Held["take"] = () => undefined;
    const done = new Promise<Drop | undefined>((resolve) => (settle = resolve));
    const taken = new Promise<void>((resolve) => (take = resolve));
    const held: Held = { turns: [], progress: [], since: Date.now(), timer: undefined, run, done, settle, taken, take };
    this.#held.set(key, held);
    return held;
  }

  #flush(key: string, held: Held): void {
    if (this.#held.get(key) !== held) return;
    this.#held.delete(key);
    clearTimeout(held.timer);
    const progress: TurnProgress = {
      adopted: async () => {
        held.take();
        await Promise.all(held.progress.map((one) => one.adopted()));
      },
      released: () => held.take(),
    };
    const outcome = held.run(joined(held.turns), progress);
    const over = () => held.take();
    outcome.then(over, over);
    held.settle(outcome);
  }
}
