/** What a run does, worked out of its seed alone: the blows, when they fall, and what is said meanwhile. */

/** What strikes: `kill -9` or SIGTERM of the gateway, a homeserver that ends and comes back, SIGSTOP with SIGCONT. */
export type Blow = "kill" | "restart" | "homeserver" | "freeze";

/**
 * How far the round's last question has come when the blow falls: just sent, before the model, in
 * mid-stream, about when the answer is written, or answered but not yet acknowledged everywhere.
 */
export type Moment = "arriving" | "asked" | "streaming" | "written" | "answered";

/** A message somebody sends. */
export interface Asking {
  conversation: number;
  /** Which of the conversation's people; taken modulo their number. */
  person: number;
  /** Pieces the model streams its answer in. */
  pieces: number;
  /** Pause before each of them, in milliseconds. */
  pieceMs: number;
  /** Pause before it is sent, in milliseconds. */
  afterMs: number;
}

export interface Round {
  number: number;
  blow: Blow;
  moment: Moment;
  /** From that moment to the blow, in milliseconds. */
  pauseMs: number;
  /** Which of the two is frozen, and how a homeserver ends. */
  victim: "gateway" | "homeserver";
  gently: boolean;
  /** How long what was struck stays away, in milliseconds. */
  awayMs: number;
  /** A second `kill -9`, this long after the gateway began to start again, in milliseconds. */
  againMs?: number;
  /** Sent before the blow, while it lasts, and while everything comes back. */
  before: Asking[];
  during: Asking[];
  after: Asking[];
}

/** Mulberry32: one number of state, the same row of numbers from the same seed everywhere. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How many rounds of each blow: six tenths kills, two SIGTERM, one each of the others. */
export function shares(rounds: number): Record<Blow, number> {
  const share = (part: number, from: number) => (rounds < from ? 0 : Math.max(1, Math.round(rounds * part)));
  const restart = share(0.2, 2);
  const homeserver = share(0.1, 4);
  const freeze = share(0.1, 5);
  return { kill: rounds - restart - homeserver - freeze, restart, homeserver, freeze };
}

const MOMENTS: readonly Moment[] = ["arriving", "asked", "streaming", "streaming", "written", "answered"];

export function plan(seed: number, rounds: number, conversations: number): Round[] {
  const next = random(seed);
  const between = (low: number, high: number) => Math.round(low + next() * (high - low));
  const pick = <T>(choice: readonly T[]): T => choice[Math.floor(next() * choice.length)] as T;
  const asking = (afterMs: number): Asking => ({
    conversation: between(0, conversations - 1),
    person: between(0, 1),
    pieces: between(3, 10),
    pieceMs: between(150, 450),
    afterMs,
  });
  const some = (low: number, high: number, longestPauseMs: number) => Array.from({ length: between(low, high) }, () => asking(between(0, longestPauseMs)));

  const blows = (Object.entries(shares(rounds)) as [Blow, number][]).flatMap(([blow, number]) => Array<Blow>(number).fill(blow));
  return blows.map((blow, index) => {
    const round: Round = {
      number: index + 1,
      blow,
      moment: pick(MOMENTS),
      pauseMs: between(0, 500),
      victim: blow === "homeserver" || next() < 0.4 ? "homeserver" : "gateway",
      gently: next() < 0.5,
      awayMs: blow === "freeze" ? between(10_000, 40_000) : blow === "homeserver" ? between(1000, 12_000) : between(0, 1500),
      before: some(1, 3, 400),
      during: some(0, 2, 800),
      after: some(0, 2, 3000),
    };
    if (blow === "kill" && next() < 0.15) round.againMs = between(1500, 9000);
    return round;
  });
}
