import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { type Human, isLive } from "../support/humans/index.ts";
import type { Asking } from "./plan.ts";

/** A message somebody sent, or tried to. */
export interface Question {
  marker: string;
  conversation: Conversation;
  asking: Asking;
  /** Number within its conversation, in the order of the timeline. */
  index: number;
  sentAt: number;
  /** The homeserver's id; without one the client was told of a failure, and its own timeline says whether it was sent. */
  eventId?: string;
  failure?: string;
  /** Blows that fell before its answer was seen. */
  blows: number;
}

/** While the homeserver is away nobody sends: what it never took is nobody's loss. */
export class Gate {
  #open: Promise<void> = Promise.resolve();
  #release: (() => void) | undefined;
  readonly #sending = new Set<Promise<unknown>>();

  /** Waits for what is being sent, then holds everything back until `open()`. */
  async close(): Promise<void> {
    this.#open = new Promise((resolve) => {
      this.#release = resolve;
    });
    await Promise.all(this.#sending);
  }

  open(): void {
    this.#release?.();
    this.#release = undefined;
  }

  async through<T>(send: () => Promise<T>): Promise<T> {
    for (;;) {
      const open = this.#open;
      await open;
      if (open === this.#open) break;
    }
    const sending = send();
    const tracked = sending.catch(() => undefined).finally(() => this.#sending.delete(tracked));
    this.#sending.add(tracked);
    return sending;
  }
}

/** A room in which one or two people talk to the agent. */
export class Conversation {
  readonly name: string;
  readonly roomId: string;
  readonly people: readonly Human[];
  readonly botUserId: string;
  readonly questions: Question[] = [];
  readonly #gate: Gate;
  /** One message at a time: what is asked first is first in the timeline. */
  #lane: Promise<unknown> = Promise.resolve();

  constructor(parts: { name: string; roomId: string; people: readonly Human[]; botUserId: string; gate: Gate }) {
    this.name = parts.name;
    this.roomId = parts.roomId;
    this.people = parts.people;
    this.botUserId = parts.botUserId;
    this.#gate = parts.gate;
  }

  /** Sends when its turn has come; never rejects, a failed send is kept with its reason. */
  ask(asking: Asking): Promise<Question> {
    const turn = this.#lane.then(() => this.#gate.through(() => this.#ask(asking)));
    this.#lane = turn;
    return turn;
  }

  async #ask(asking: Asking): Promise<Question> {
    const marker = randomBytes(5).toString("hex");
    const question: Question = { marker, conversation: this, asking, index: this.questions.length, sentAt: Date.now(), blows: 0 };
    this.questions.push(question);
    const person = this.people[asking.person % this.people.length] as Human;
    try {
      question.eventId = await person.send(this.roomId, `SLOW: ${asking.pieces} ${asking.pieceMs} MARK: ${marker}`);
    } catch (error) {
      question.failure = (error as Error).message;
    }
    return question;
  }

  /** Whether anybody here has seen a finished message of the agent with the marker. */
  isAnswered(question: Question): boolean {
    return this.people.some((person) =>
      person.events.some((event) => event.roomId === this.roomId && event.sender === this.botUserId && (event.newBody ?? event.body).includes(question.marker) && !isLive(event)),
    );
  }

  /** Whether the timeline has the question: the homeserver took it. */
  wasSent(question: Question): boolean {
    return (
      question.eventId !== undefined ||
      this.people.some((person) => person.events.some((event) => event.roomId === this.roomId && event.sender !== this.botUserId && event.body.includes(question.marker)))
    );
  }

  /** What was sent and is not answered yet. */
  open(): Question[] {
    return this.questions.filter((question) => this.wasSent(question) && !this.isAnswered(question));
  }
}

/** Sends one after the other, each after its pause. */
export async function askAll(conversations: readonly Conversation[], askings: readonly Asking[]): Promise<Question[]> {
  const asked: Promise<Question>[] = [];
  for (const asking of askings) {
    await pause(asking.afterMs);
    asked.push((conversations[asking.conversation % conversations.length] as Conversation).ask(asking));
  }
  return Promise.all(asked);
}
