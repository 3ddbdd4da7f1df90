import { type OlmMachine, UserId } from "@matrix-org/matrix-sdk-crypto-wasm";
import {
  CryptoEvent,
  type ShowSasCallbacks,
  VerificationPhase,
  type VerificationRequest,
  type Verifier,
  VerifierEvent,
} from "matrix-js-sdk/lib/crypto-api/index.js";
import type { MatrixClient } from "matrix-js-sdk";
import { until } from "../process.ts";

const WAIT_MS = 60_000;

/** What one side shows, as text that can be compared. */
export interface Shown {
  emoji: string;
  decimal: string;
}

/** The verifications of a person with matrix-js-sdk: those they began, and those that others began. */
export class JsSdkVerifications {
  readonly #sdk: MatrixClient;
  /** Requests of others, in the order they came. */
  readonly received: JsSdkVerification[] = [];

  constructor(sdk: MatrixClient) {
    this.#sdk = sdk;
    sdk.on(CryptoEvent.VerificationRequestReceived, (request) => this.received.push(new JsSdkVerification(request)));
  }

  get #crypto() {
    const crypto = this.#sdk.getCrypto();
    if (!crypto) throw new Error("matrix-js-sdk was started without encryption");
    return crypto;
  }

  /** Makes the account's identity and a room-key backup, as the first client of a user does. */
  async setUp(password: string): Promise<void> {
    const user = this.#sdk.getSafeUserId();
    await this.#crypto.bootstrapCrossSigning({
      authUploadDeviceSigningKeys: async (upload) => {
        await upload({ type: "m.login.password", identifier: { type: "m.id.user", user }, password });
      },
    });
    await this.#crypto.resetKeyBackup();
  }

  /** The next request of somebody, past or to come. */
  async next(from: string, options: { after?: number; timeoutMs?: number } = {}): Promise<JsSdkVerification> {
    const { after = 0, timeoutMs = WAIT_MS } = options;
    return until(`a verification request of ${from}`, timeoutMs, () => this.received.slice(after).find(({ request }) => request.otherUserId === from), 50);
  }

  async askOwnDevices(): Promise<JsSdkVerification> {
    return new JsSdkVerification(await this.#crypto.requestOwnUserVerification());
  }

  /**
   * Asks in a room; waits until the other user's identity is known, which the SDK wants first. In a room without
   * encryption it follows nobody's devices and keeps no identity of whom it does not follow: it is told to.
   */
  async ask(userId: string, roomId: string): Promise<JsSdkVerification> {
    const { olmMachine } = this.#crypto as unknown as { olmMachine: OlmMachine };
    await olmMachine.updateTrackedUsers([new UserId(userId)]);
    await until(`the identity of ${userId}`, WAIT_MS, async () => {
      await this.#crypto.getUserDeviceInfo([userId], true);
      return (await olmMachine.getIdentity(new UserId(userId))) !== undefined;
    }, 250);
    return new JsSdkVerification(await this.#crypto.requestVerificationDM(userId, roomId));
  }

  async isVerified(userId: string): Promise<boolean> {
    return (await this.#crypto.getUserVerificationStatus(userId)).isCrossSigningVerified();
  }

  async isDeviceVerified(userId: string, deviceId: string): Promise<boolean> {
    return (await this.#crypto.getDeviceVerificationStatus(userId, deviceId))?.crossSigningVerified ?? false;
  }
}

/** A person's side of one verification. */
export class JsSdkVerification {
  readonly request: VerificationRequest;
  #callbacks: ShowSasCallbacks | undefined;
  #verifying: Promise<void> | undefined;
  /** Why it ended without a result, on this side. */
  failure: Error | undefined;

  constructor(request: VerificationRequest) {
    this.request = request;
  }

  /** Waits until it has come this far, or has ended. */
  async waitFor(phase: VerificationPhase): Promise<void> {
    await until(`the verification to be in phase ${VerificationPhase[phase]}`, WAIT_MS, () => this.request.phase === phase || (phase < VerificationPhase.Cancelled && this.request.phase >= VerificationPhase.Cancelled), 50);
    if (this.request.phase !== phase) throw new Error(`the verification is in phase ${VerificationPhase[this.request.phase]} (${this.request.cancellationCode}), not in ${VerificationPhase[phase]}`);
  }

  accept(): Promise<void> {
    return this.request.accept();
  }

  /** Begins to compare emoji, as the person who presses the button. */
  async begin(): Promise<Shown> {
    await this.waitFor(VerificationPhase.Ready);
    return this.#compare(await this.request.startVerification("m.sas.v1"));
  }

  /** Compares what the other side begins. */
  async compare(): Promise<Shown> {
    await this.waitFor(VerificationPhase.Started);
    return this.#compare(this.request.verifier as Verifier);
  }

  async #compare(verifier: Verifier): Promise<Shown> {
    verifier.on(VerifierEvent.ShowSas, (callbacks) => (this.#callbacks = callbacks));
    this.#verify(verifier);
    const callbacks = await until("emoji to compare", WAIT_MS, () => this.#callbacks ?? verifier.getShowSasCallbacks() ?? (this.failure && Promise.reject(this.failure)), 50);
    this.#callbacks = callbacks;
    const { emoji = [], decimal = [] } = callbacks.sas;
    return { emoji: emoji.map(([symbol]) => symbol).join(" "), decimal: decimal.join(" ") };
  }

  #verify(verifier: Verifier): void {
    this.#verifying = verifier.verify().catch((error: unknown) => void (this.failure = error instanceof Error ? error : new Error(String(error))));
  }

  /** Says that both sides show the same; `done` waits for the other side. */
  async confirm(): Promise<void> {
    await this.#callbacks?.confirm();
  }

  mismatch(): void {
    this.#callbacks?.mismatch();
  }

  async cancel(): Promise<void> {
    await this.request.cancel();
  }

  /** Scans the other side's code. */
  async scan(code: Uint8Array): Promise<void> {
    await this.waitFor(VerificationPhase.Ready);
    this.#verify(await this.request.scanQRCode(new Uint8ClampedArray(code)));
  }

  /** Waits until both sides have confirmed. */
  async done(): Promise<void> {
    await this.#verifying;
    if (this.failure) throw this.failure;
    await this.waitFor(VerificationPhase.Done);
  }

  /** Waits until it has ended without a result; the code. */
  async cancelled(): Promise<string | null> {
    await this.waitFor(VerificationPhase.Cancelled);
    return this.request.cancellationCode;
  }
}
