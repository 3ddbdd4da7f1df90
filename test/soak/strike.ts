/** One round: something is said, something is struck, and everything comes back. */
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../support/process.ts";
import { askAll, type Conversation, type Gate, type Question } from "./conversation.ts";
import { type Ground, spaceOutEnds } from "./ground.ts";
import type { Moment, Round } from "./plan.ts";

/** How long a question may take to a moment of its turn before the blow falls anyway, in milliseconds. */
const MOMENT_MS = 60_000;

/**
 * A turn may be struck this often. The host gives an interrupted turn three automatic attempts and gives the
 * session up after them (docs/gateway/restart-recovery.md), so a third blow waits for the answer.
 */
const MOST_BLOWS = 2;

/** How long an answer to a question that has had its blows is waited for, in milliseconds; then it counts as stuck. */
const PATIENCE_MS = 180_000;

export interface Party {
  ground: Ground;
  conversations: Conversation[];
  gate: Gate;
}

/** What one round came to, for the log of the run. */
export interface Struck {
  round: Round;
  /** Questions that were open when the blow fell. */
  open: number;
  /** The moment was reached before the blow. */
  reached: boolean;
  /** A SIGTERM that ended in time; undefined where there was none. */
  stopped?: boolean;
  tookMs: number;
}

function openQuestions(party: Party): Question[] {
  return party.conversations.flatMap((conversation) => conversation.open());
}

/** Resolves when the question has come that far; false when it has not within its time. */
async function reach(moment: Moment, question: Question, ground: Ground): Promise<boolean> {
  const { asking, conversation, marker } = question;
  const asked = async () => (await ground.model.prompts(marker)).length > 0;
  const streams = asking.pieces * asking.pieceMs;
  try {
    if (moment === "arriving") return true;
    if (moment === "answered") return await until("the answer", MOMENT_MS, () => conversation.isAnswered(question), 50);
    await until("the model to be asked", MOMENT_MS, async () => conversation.isAnswered(question) || (await asked()), 100);
    if (moment === "streaming") await pause(streams / 2);
    if (moment === "written") await pause(streams);
    return true;
  } catch {
    return false;
  }
}

export class Striker {
  readonly #party: Party;
  readonly #stuck = new Set<Question>();
  #starting: Promise<void> = Promise.resolve();

  constructor(party: Party) {
    this.#party = party;
  }

  /** Questions whose answer did not come while it was waited for. */
  get stuck(): ReadonlySet<Question> {
    return this.#stuck;
  }

  async strike(round: Round): Promise<Struck> {
    const started = Date.now();
    const { ground, conversations } = this.#party;
    // First, so that nothing comes between the moment and the blow.
    await this.#spareTheStruck();
    const asked = await askAll(conversations, round.before);
    const last = asked.at(-1);
    const reached = last ? await reach(round.moment, last, ground) : true;
    await pause(round.pauseMs);
    const open = openQuestions(this.#party);
    for (const question of open) question.blows++;
    const stopped = await this.#blow(round);
    return { round, open: open.length, reached, stopped, tookMs: Date.now() - started };
  }

  async #spareTheStruck(): Promise<void> {
    const tired = () => openQuestions(this.#party).filter((question) => question.blows >= MOST_BLOWS && !this.#stuck.has(question));
    await until("answers to what was struck before", PATIENCE_MS, () => tired().length === 0, 200).catch(() => {
      for (const question of tired()) this.#stuck.add(question);
    });
  }

  async #blow(round: Round): Promise<boolean | undefined> {
    const { ground, conversations, gate } = this.#party;
    const { gateway, homeserverProcess } = ground;
    const during = () => askAll(conversations, round.during);
    const after = askAll.bind(undefined, conversations, round.after);
    switch (round.blow) {
      case "kill":
      case "restart": {
        const stopping = round.blow === "kill" ? gateway.kill().then(() => undefined) : gateway.stop();
        const stopped = await stopping;
        const missed = during();
        await pause(round.awayMs);
        await this.#start(round.againMs);
        await Promise.all([missed, after(), this.#starting]);
        return stopped;
      }
      case "homeserver": {
        await gate.close();
        try {
          await (round.gently ? homeserverProcess.stop() : homeserverProcess.kill());
          await pause(round.awayMs);
          await homeserverProcess.resume();
        } finally {
          gate.open();
        }
        await Promise.all([during(), after()]);
        return undefined;
      }
      case "freeze": {
        const frozen = round.victim === "gateway" ? gateway : homeserverProcess;
        if (round.victim === "homeserver") await gate.close();
        await frozen.freeze();
        let missed: Promise<unknown> = Promise.resolve();
        try {
          missed = during();
          await pause(round.awayMs);
        } finally {
          await frozen.thaw();
          gate.open();
        }
        await Promise.all([missed, after()]);
        return undefined;
      }
    }
  }

  /** Starts the gateway; with `againMs` it is killed once more on the way. */
  async #start(againMs: number | undefined): Promise<void> {
    const { ground } = this.#party;
    spaceOutEnds(ground.home);
    if (againMs !== undefined) {
      const first = ground.gateway.start().catch(() => undefined);
      await pause(againMs);
      await ground.gateway.kill();
      await first;
      spaceOutEnds(ground.home);
    }
    this.#starting = ground.gateway.start();
    // Whoever waits for it hears of a failure; until then it is not unhandled.
    this.#starting.catch(() => undefined);
  }
}
