/** Verifications without another side: a test says how they stand, and sees what was done to them. */
import { MatrixError } from "../../../ts/native/errors.ts";
import type { NewVerification, StartupAsked, Verification, VerificationControl, VerificationRef, VerificationsNow } from "../../../ts/native/verification.ts";

export class FakeVerification implements VerificationControl {
  /** What was done, as `accept verification-1`. */
  readonly steps: string[] = [];
  readonly requested: NewVerification[] = [];
  readonly startups: { cooldownMs: number; failureCooldownMs: number }[] = [];
  /** What the next request at a start comes to; an error is thrown. */
  startup: StartupAsked | Error = { outcome: "verified" };
  /** What a step makes of a verification beside itself. */
  afterStep: (step: string, one: Verification) => Partial<Verification> = () => ({});
  #flows: Verification[] = [];
  #version = 1;
  #armedUntil: number | undefined;
  #ended = false;
  #waiters = new Set<() => void>();

  /** Puts a verification there, or changes it. */
  verification(id: string, change: Partial<Verification> = {}): Verification {
    const before = this.#flows.find((flow) => flow.id === id);
    const one: Verification = {
      id,
      transactionId: `txn-${id}`,
      otherUserId: "@person:example.org",
      otherDeviceId: "PHONE",
      isSelfVerification: false,
      initiatedByMe: false,
      phase: "requested",
      methods: ["m.sas.v1"],
      canAccept: false,
      qrScanned: false,
      confirmed: false,
      createdAt: 1_700_000_000_000,
      ...before,
      ...change,
      pending: !["cancelled", "done"].includes(change.phase ?? before?.phase ?? "requested"),
      updatedAt: (before?.updatedAt ?? 1_700_000_000_000) + 1,
    };
    this.#flows = before ? this.#flows.map((flow) => (flow === before ? one : flow)) : [...this.#flows, one];
    this.#changed();
    return one;
  }

  endVerifications(): void {
    this.#ended = true;
    this.#changed();
  }

  #changed(): void {
    this.#version++;
    for (const waiter of this.#waiters) waiter();
    this.#waiters.clear();
  }

  #find({ id, userId, roomId }: VerificationRef): Verification {
    const found =
      this.#flows.find((flow) => flow.id === id || flow.transactionId === id) ??
      this.#flows.findLast((flow) => roomId !== undefined && flow.roomId === roomId && flow.otherUserId === userId);
    if (!found) throw new MatrixError("verification_not_found", `there is no verification "${id}"`);
    return found;
  }

  #step(step: string, which: VerificationRef, change: Partial<Verification>): Verification {
    const one = this.#find(which);
    this.steps.push(`${step} ${one.id}`);
    return this.verification(one.id, { ...change, ...this.afterStep(step, one) });
  }

  async verifications(): Promise<Verification[]> {
    return this.#flows;
  }

  async verificationsAfter(since: number): Promise<VerificationsNow | undefined> {
    while (!this.#ended && this.#version <= since) await new Promise<void>((resolve) => this.#waiters.add(resolve));
    return this.#ended ? undefined : { version: this.#version, armedUntil: this.#armedUntil, verifications: this.#flows };
  }

  async requestVerification(request: NewVerification): Promise<Verification> {
    this.requested.push(request);
    const isSelfVerification = request.userId === undefined;
    return this.verification(`verification-${this.#flows.length + 1}`, {
      initiatedByMe: true,
      isSelfVerification,
      otherUserId: request.userId ?? "@bot:example.org",
      otherDeviceId: request.deviceId,
      roomId: request.roomId,
      ...this.afterStep("request", {} as Verification),
    });
  }

  async acceptVerification(which: VerificationRef): Promise<Verification> {
    return this.#step("accept", which, { phase: "ready", canAccept: false });
  }

  async startVerification(which: VerificationRef): Promise<Verification> {
    return this.#step("start", which, { phase: "started", chosenMethod: "m.sas.v1" });
  }

  async confirmVerification(which: VerificationRef): Promise<Verification> {
    return this.#step("confirm", which, { sas: undefined, confirmed: true });
  }

  async mismatchVerification(which: VerificationRef): Promise<Verification> {
    return this.#step("mismatch", which, { phase: "cancelled", sas: undefined, cancellation: { code: "m.mismatched_sas", reason: "the emoji or numbers differ", byUs: true } });
  }

  async cancelVerification(which: VerificationRef, { code = "m.user", reason = "it was cancelled" }: { code?: string; reason?: string } = {}): Promise<Verification> {
    return this.#step("cancel", which, { phase: "cancelled", canAccept: false, cancellation: { code, reason, byUs: true } });
  }

  async verificationQr(which: VerificationRef): Promise<{ payload: Uint8Array; text: string }> {
    this.#step("qr", which, {});
    return { payload: new Uint8Array([77, 65, 84]), text: "█▀█\n▀▀▀" };
  }

  async armVerification(forMs?: number): Promise<number | undefined> {
    this.#armedUntil = forMs === undefined ? undefined : Date.now() + forMs;
    this.#changed();
    return this.#armedUntil;
  }

  async requestStartupVerification(how: { cooldownMs: number; failureCooldownMs: number }): Promise<StartupAsked> {
    this.startups.push(how);
    if (this.startup instanceof Error) throw this.startup;
    return this.startup;
  }
}
