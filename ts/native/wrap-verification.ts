/** The contract of verification.ts over the generated binding. */
import type * as Binding from "./binding.d.ts";
import { call, find } from "./call.ts";
import type { NewVerification, StartupAsked, Verification, VerificationControl, VerificationRef, VerificationsNow } from "./verification.ts";

export class NativeVerification implements VerificationControl {
  readonly #native: Binding.Account;

  constructor(native: Binding.Account) {
    this.#native = native;
  }

  verifications(): Promise<Verification[]> {
    return call(() => this.#native.verifications());
  }

  verificationsAfter(since: number): Promise<VerificationsNow | undefined> {
    return find(() => this.#native.verificationsAfter(since));
  }

  requestVerification(request: NewVerification): Promise<Verification> {
    return call(() => this.#native.requestVerification(request));
  }

  acceptVerification(which: VerificationRef): Promise<Verification> {
    return call(() => this.#native.acceptVerification(which));
  }

  startVerification(which: VerificationRef): Promise<Verification> {
    return call(() => this.#native.startVerification(which));
  }

  confirmVerification(which: VerificationRef): Promise<Verification> {
    return call(() => this.#native.confirmVerification(which));
  }

  mismatchVerification(which: VerificationRef): Promise<Verification> {
    return call(() => this.#native.mismatchVerification(which));
  }

  cancelVerification(which: VerificationRef, { code, reason }: { code?: string; reason?: string } = {}): Promise<Verification> {
    return call(() => this.#native.cancelVerification(which, code, reason));
  }

  verificationQr(which: VerificationRef): Promise<{ payload: Uint8Array; text: string }> {
    return call(() => this.#native.verificationQr(which));
  }

  armVerification(forMs?: number): Promise<number | undefined> {
    return find(() => this.#native.armVerification(forMs));
  }

  requestStartupVerification(how: { cooldownMs: number; failureCooldownMs: number }): Promise<StartupAsked> {
    return call(() => this.#native.requestStartupVerification(how));
  }
}
