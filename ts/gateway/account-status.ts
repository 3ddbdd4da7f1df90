/** Keeps the host's picture of one account in step with the account's health. */
import { channelBlockedPatch, channelReadyPatch, channelStoppedPatch } from "../host/status.ts";
import type { ChannelAccountSnapshot } from "../host/types.ts";
import type { Health } from "../native/account.ts";
import type { MatrixErrorCode } from "../native/errors.ts";
import { trouble } from "./sentences.ts";

export interface StatusSink {
  getStatus: () => ChannelAccountSnapshot;
  setStatus: (next: ChannelAccountSnapshot) => void;
}

export type Patch = Partial<ChannelAccountSnapshot>;

/** How often an unchanged state is passed on, in milliseconds. */
const ALIVE_MS = 10_000;

/** Applies patches one after another; the host replaces the whole snapshot. */
export class AccountStatus {
  readonly #sink: StatusSink;
  readonly #accountId: string;
  #said = "";
  #saidAt = 0;

  constructor(sink: StatusSink, accountId: string) {
    this.#sink = sink;
    this.#accountId = accountId;
  }

  apply(patch: Patch): void {
    this.#sink.setStatus({ ...this.#sink.getStatus(), ...patch, accountId: this.#accountId });
  }

  /**
   * Applies a health's patch. Every sync changes the health; one that only says
   * "still alive" is passed on now and then, so that the host is not kept busy with it.
   */
  follow(patch: Patch, now: number = Date.now()): void {
    const { lastTransportActivityAt: _activity, lastConnectedAt: _connected, ...state } = patch;
    const said = JSON.stringify(state);
    if (said === this.#said && now - this.#saidAt < ALIVE_MS) return;
    this.#said = said;
    this.#saidAt = now;
    this.apply(patch);
  }

  starting(at: number): void {
    this.apply({ running: true, connected: false, lifecycle: "starting", lastStartAt: at, lastError: null, terminalDisconnect: undefined });
  }

  recovering(message: string, attempts: number): void {
    this.apply({ running: true, connected: false, lifecycle: "recovering", lastError: message, reconnectAttempts: attempts, terminalDisconnect: undefined });
  }

  blocked(message: string): void {
    this.apply({ running: false, connected: false, ...channelBlockedPatch(message) });
  }

  stopped(at: number): void {
    this.apply({ ...channelStoppedPatch(), lastStopAt: at });
  }
}

/** Receiving works, and yet something is lost, or will be, unless a person looks: `openclaw channels status` shows it as `health:degraded`. */
function degraded({ undecryptable, duplicateOneTimeKeys, notices }: Health): boolean {
  return undecryptable.sustained || duplicateOneTimeKeys || notices.length > 0;
}

/** The host's patch for a health; the transport is alive as long as syncs succeed. */
export function healthPatch(health: Health, place: { path: string; accountId: string }): Patch {
  return { ...syncPatch(health, place), healthState: degraded(health) ? "degraded" : undefined };
}

function syncPatch(health: Health, place: { path: string; accountId: string }): Patch {
  const { sync } = health;
  const activity = sync.lastSuccessAt === undefined ? {} : { lastTransportActivityAt: sync.lastSuccessAt };
  const message = sync.error && trouble(sync.error.code as MatrixErrorCode, sync.error.message, place).message;
  switch (sync.state) {
    case "running":
      return { ...channelReadyPatch({ lastConnectedAt: sync.lastSuccessAt ?? Date.now() }), ...activity, reconnectAttempts: 0 };
    case "retrying":
      return { ...activity, running: true, connected: false, lifecycle: "recovering", lastError: message ?? null, reconnectAttempts: sync.consecutiveFailures };
    case "blocked":
      return { ...activity, connected: false, ...channelBlockedPatch(message ?? "The sync stopped.") };
    case "starting":
      return { ...activity, running: true, connected: false, lifecycle: "starting" };
    case "stopped":
      return { ...activity, connected: false };
  }
}
