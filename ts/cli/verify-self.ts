/** `openclaw matrix verify self`: this device and another one of the account, compared by the person at the terminal. */
import { createInterface } from "node:readline/promises";
import type { Operation } from "../operations/operation.ts";
import {
  verificationCancel,
  verificationConfirm,
  verificationMismatch,
  verificationQr,
  verificationRequest,
  verificationStart,
  verificationWait,
} from "../operations/verification.ts";
import type { VerificationReport } from "../operations/verification-report.ts";
import { type StatusReport, verifyStatusOperation } from "../operations/verify-status.ts";
import { backupIssueLines } from "./backup-lines.ts";
import { integerOption } from "./options.ts";
import { askingAccount, type CommandHost, type CommandOptions, type CommandOutcome, terminalText } from "./run.ts";
import { partner, sasLines } from "./verification-lines.ts";

export interface SelfOptions extends CommandOptions {
  timeoutMs?: string;
  qr?: boolean;
}

/** What is asked of the account, wherever it runs. */
type Ask = <P extends object, R>(operation: Operation<string, P, R>, params: P) => Promise<R>;

/** The person. */
export interface Person {
  tell: (line: string) => void;
  /** What they type; empty at the end of the input. */
  ask: (question: string) => Promise<string>;
  /** Draws a code for a camera. */
  draw: (code: string) => void;
  close: () => void;
}

/** All of it may take this long, in milliseconds, unless said. */
const TIMEOUT_MS = 180_000;
/** How long the other device may take to sign this one once both have confirmed, in milliseconds. */
const SIGNED_MS = 30_000;
/** How long after that the backup's key may take, which the other device sends of itself, in milliseconds. */
const BACKUP_KEY_MS = 10_000;

/** The lines are kept from the first moment: an answer may be there before its question. */
function terminalPerson(): Person {
  const reader = createInterface({ input: process.stdin });
  const lines = reader[Symbol.asyncIterator]();
  return {
    tell: (line) => void process.stdout.write(`${terminalText(line)}\n`),
    ask: async (question) => {
      process.stdout.write(terminalText(question));
      return (await lines.next()).value?.trim() ?? "";
    },
    draw: (code) => {
      // White on black whatever the terminal's colours are: a camera wants the code dark on light.
      const colours = process.stdout.isTTY && !process.env.NO_COLOR;
      for (const line of code.split("\n")) process.stdout.write(colours ? `\u001B[97;40m${line}\u001B[0m\n` : `${line}\n`);
    },
    close: () => reader.close(),
  };
}

export async function verifySelf(host: CommandHost, options: SelfOptions, _args: string[] = [], someone?: Person): Promise<CommandOutcome> {
  if (options.json) throw new Error("verify self talks with a person and has no --json; scripts use verify request, start, sas and confirm-sas.");
  const timeoutMs = integerOption(options.timeoutMs, "--timeout-ms", { min: 1000 }) ?? TIMEOUT_MS;
  const person = someone ?? terminalPerson();
  try {
    return await askingAccount(host, options.account, (ask) => new Session(ask, person, options.qr ?? false, timeoutMs).run());
  } finally {
    person.close();
  }
}

function outcome(exitCode: 0 | 1, ...lines: string[]): CommandOutcome {
  return { json: null, lines, exitCode };
}

class Session {
  readonly #ask: Ask;
  readonly #person: Person;
  readonly #qr: boolean;
  readonly #timeoutMs: number;
  #drawn = false;
  #deadline = 0;

  constructor(ask: Ask, person: Person, qr: boolean, timeoutMs: number) {
    this.#ask = ask;
    this.#person = person;
    this.#qr = qr;
    this.#timeoutMs = timeoutMs;
  }

  async run(): Promise<CommandOutcome> {
    const before = await this.#ask(verifyStatusOperation, { includeRecoveryKey: false });
    if (before.crossSigningVerified && !this.#qr) {
      this.#person.tell("This device is verified already; what follows verifies the other one.");
    }
    let one = await this.#ask(verificationRequest, { ownUser: true, qr: this.#qr, userId: undefined, deviceId: undefined, roomId: undefined });
    this.#person.tell(`Asked the other devices of ${before.userId} (${one.id}). Accept the request there.`);
    this.#deadline = Date.now() + this.#timeoutMs;
    while (one.pending) {
      const [next, done] = await this.#step(one);
      if (done) return done;
      one = next;
      if (one.pending && Date.now() >= this.#deadline) {
        await this.#ask(verificationCancel, { id: one.id, code: "m.timeout", reason: "Nobody answered in time." }).catch(() => undefined);
        return outcome(1, `Not verified: no other device answered within ${Math.round(this.#timeoutMs / 1000)} s. Open another client of the account, then run this again.`);
      }
    }
    return this.#end(one);
  }

  /** What there is to do now, and what became of it. */
  async #step(one: VerificationReport): Promise<[VerificationReport, CommandOutcome?]> {
    if (one.sas) return this.#compare(one);
    if (one.hasReciprocateQr) return this.#scanned(one);
    const scans = this.#qr && one.methods.includes("m.qr_code.show.v1");
    if (one.phaseName === "ready" && this.#qr && !scans) this.#person.tell("The other device scans no codes; comparing emoji instead.");
    if (one.phaseName === "ready" && scans && !this.#drawn) {
      this.#drawn = true;
      const { text } = await this.#ask(verificationQr, { id: one.id });
      this.#person.draw(text);
      this.#person.tell("Scan this code with the other device, or choose to compare emoji there.");
    } else if (one.phaseName === "ready" && !scans) {
      return [await this.#ask(verificationStart, { id: one.id })];
    }
    return [await this.#ask(verificationWait, { id: one.id, updatedAt: one.updatedAt, forMs: Math.max(0, this.#deadline - Date.now()) })];
  }

  async #compare(one: VerificationReport): Promise<[VerificationReport, CommandOutcome?]> {
    if (!one.sas) return [one];
    for (const line of ["", `Compare with ${partner(one)}:`, ...sasLines(one.sas), ""]) this.#person.tell(line);
    const said = await this.#person.ask("Does the other device show the same? Type yes, or anything else if not: ");
    if (said.toLowerCase() !== "yes") {
      await this.#ask(verificationMismatch, { id: one.id });
      return [one, outcome(1, "Not verified: you said that they differ. If they really do, somebody may sit between the two devices; do not use this connection.")];
    }
    return [await this.#ask(verificationConfirm, { id: one.id })];
  }

  async #scanned(one: VerificationReport): Promise<[VerificationReport, CommandOutcome?]> {
    const said = await this.#person.ask("Does the other device say that it has scanned the code? Type yes, or anything else if not: ");
    if (said.toLowerCase() !== "yes") {
      await this.#ask(verificationCancel, { id: one.id, code: undefined, reason: "Not the expected device." });
      return [one, outcome(1, "Not verified: you said that the other device did not scan it.")];
    }
    return [await this.#ask(verificationConfirm, { id: one.id })];
  }

  async #end(one: VerificationReport): Promise<CommandOutcome> {
    if (!one.completed) return outcome(1, `Not verified: ${one.error ?? "it was cancelled"}.`);
    this.#person.tell("Both sides have confirmed.");
    const status = await this.#status(SIGNED_MS, (now) => now.crossSigningVerified);
    if (!status.crossSigningVerified) {
      return outcome(
        1,
        "Not verified yet: the account's identity has not signed this device. The other device may not be verified itself, or is still busy.",
        "Next: `openclaw matrix verify status --verbose`; with the recovery key, `openclaw matrix verify device --recovery-key-stdin`.",
      );
    }
    const { backup } = await this.#status(BACKUP_KEY_MS, (now) => now.backup.issue !== "key-not-loaded");
    return outcome(0, "Verified: this device is signed by the account's own cross-signing identity.", ...backupIssueLines(backup));
  }

  /** The status once it is as wanted, or when the time is up. */
  async #status(patienceMs: number, wanted: (now: StatusReport) => boolean): Promise<StatusReport> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const now = await this.#ask(verifyStatusOperation, { includeRecoveryKey: false });
      if (wanted(now) || Date.now() >= deadline) return now;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}
