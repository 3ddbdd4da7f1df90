import type { OpenAccountOptions } from "../../ts/native/account.ts";

/** What an account on a local homeserver is opened with, changed where a test wants it otherwise. */
export function accountOptions(homeserver: string, stateDir: string, changes: Partial<OpenAccountOptions> = {}): OpenAccountOptions {
  return {
    accountId: "default",
    stateDir,
    homeserver,
    auth: { type: "password", userId: "bot", password: "hunter2" },
    deviceName: "OpenClaw",
    encryption: true,
    network: { allowPrivateNetwork: true },
    undecryptableRetryHours: 24,
    catchUp: { maxHours: 24, maxEvents: 100 },
    edits: true,
    shareHistoryOnInvite: false,
    keyRecipients: "all",
    presence: "off",
    ...changes,
  };
}
