/**
 * The prompts an account has out, over restarts (APR-9): which event asks for which
 * approval. Kept in a small file of its own; what cannot be written is remembered in
 * this process. A prompt leaves the book when it was answered, or a day after its end.
 */
import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { ApprovalDecision, ChannelApprovalKind } from "../host/approvals.ts";
import { isDecision } from "./decisions.ts";

export interface Prompt {
  roomId: string;
  /** The first event: the one that carries the reactions. */
  eventId: string;
  /** Further events of a long prompt. */
  more: string[];
  approvalId: string;
  kind: ChannelApprovalKind;
  decisions: ApprovalDecision[];
  expiresAtMs: number;
}

const DAY_MS = 24 * 60 * 60_000;
/** More than this many at a time are not remembered over a restart. */
const MAX = 1000;

const keyOf = ({ roomId, eventId }: Pick<Prompt, "roomId" | "eventId">): string => `${roomId} ${eventId}`;

function isPrompt(value: unknown): value is Prompt {
  const prompt = value as Partial<Prompt> | null;
  return (
    typeof prompt === "object" &&
    prompt !== null &&
    [prompt.roomId, prompt.eventId, prompt.approvalId].every((text) => typeof text === "string" && text !== "") &&
    (prompt.kind === "exec" || prompt.kind === "plugin" || prompt.kind === "system-agent") &&
    Array.isArray(prompt.more) &&
    Array.isArray(prompt.decisions) &&
    prompt.decisions.every(isDecision) &&
    typeof prompt.expiresAtMs === "number"
  );
}

export class PromptBook {
  readonly #file: string;
  readonly #report: (error: unknown) => void;
  readonly #prompts = new Map<string, Prompt>();
  #written: Promise<void> = Promise.resolve();

  private constructor(file: string, report: (error: unknown) => void) {
    this.#file = file;
    this.#report = report;
  }

  /** @param report told what could not be read or written; nobody waits for it */
  static async open(file: string, report: (error: unknown) => void, now: number = Date.now()): Promise<PromptBook> {
    const book = new PromptBook(file, report);
    try {
      const kept = JSON.parse(await readFile(file, "utf8")) as { prompts?: unknown[] };
      for (const prompt of (kept.prompts ?? []).filter(isPrompt)) if (prompt.expiresAtMs + DAY_MS > now) book.#prompts.set(keyOf(prompt), prompt);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "ENOENT") report(error);
    }
    return book;
  }

  get(roomId: string, eventId: string): Prompt | undefined {
    return this.#prompts.get(keyOf({ roomId, eventId }));
  }

  /** Those whose time was over at this moment. */
  expired(at: number): Prompt[] {
    return [...this.#prompts.values()].filter(({ expiresAtMs }) => expiresAtMs <= at);
  }

  async add(prompt: Prompt): Promise<void> {
    this.#prompts.set(keyOf(prompt), prompt);
    await this.#write();
  }

  async remove(prompt: Pick<Prompt, "roomId" | "eventId">): Promise<void> {
    if (this.#prompts.delete(keyOf(prompt))) await this.#write();
  }

  /** One after the other, each as a whole: a kill leaves the former file. */
  #write(): Promise<void> {
    this.#written = this.#written.then(async () => {
      const text = JSON.stringify({ version: 1, prompts: [...this.#prompts.values()].slice(-MAX) });
      try {
        await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
        await writeFile(`${this.#file}.tmp`, text, { mode: 0o600 });
        await chmod(`${this.#file}.tmp`, 0o600);
        await rename(`${this.#file}.tmp`, this.#file);
      } catch (error) {
        this.#report(error);
      }
    });
    return this.#written;
  }
}
