/** `openclaw channels status`: what an account is, what the homeserver says, and why it may be silent (STA-1). */
import type { ResolvedMatrixAccount } from "../config/accounts.ts";
import { extraCaCerts, processEnvironment } from "../config/env.ts";
import { createLazyRuntimeModule } from "../host/lazy.ts";
import { pluginRootDir } from "../host/slot.ts";
import type { ChannelAccountSnapshot, ChannelStatusAdapter, ChannelStatusIssue } from "../host/types.ts";
import type { Health, ProbeResult } from "../native/account.ts";
import { effectiveDmPolicy } from "../inbound/policy.ts";
import { changedIdentities } from "./identities.ts";
import { lookUp } from "./look-up.ts";
import { runningAccount } from "./registry.ts";
import { troubleOf } from "./sentences.ts";
import { accountPath } from "./place.ts";
import { unreadable, waitingFor } from "./undecryptable.ts";

const loadAddon = createLazyRuntimeModule(() => import("../native/load.ts"));

export interface HomeserverFeatures {
  /** Logs in by OAuth (Matrix authentication service). */
  oauth: boolean;
  /** MSC4186. */
  simplifiedSlidingSync: boolean;
  /** Media needs a token (Matrix 1.11). */
  authenticatedMedia: boolean;
  /** MSC4222: the state after a timeline in `/sync`. */
  stateAfter: boolean;
  /** Threads in receipts and relations (Matrix 1.4). */
  threads: boolean;
}

/** @param versions as `/versions` lists them, `v1.11` and older spellings */
export function homeserverFeatures({ versions, features, oauth }: Pick<ProbeResult, "versions" | "features" | "oauth">): HomeserverFeatures {
  const speaks = (minor: number) => versions.some((version) => Number(/^v1\.(\d+)$/.exec(version)?.[1] ?? -1) >= minor);
  const has = (...names: string[]) => names.some((name) => features.includes(name));
  return {
    oauth,
    simplifiedSlidingSync: has("org.matrix.simplified_msc3575"),
    authenticatedMedia: speaks(11) || has("org.matrix.msc3916.stable"),
    stateAfter: speaks(16) || has("org.matrix.msc4222"),
    threads: speaks(4) || has("org.matrix.msc3440.stable"),
  };
}

export interface MatrixProbe {
  ok: boolean;
  elapsedMs: number;
  /** Newest specification version the homeserver speaks, of all it lists. */
  versions?: string[];
  /** What of the homeserver matters to us, by its `/versions` (HST-7). */
  features?: HomeserverFeatures;
  userId?: string;
  deviceId?: string;
  error?: string;
  code?: string;
  /** Of the account that runs here. */
  health?: Health;
  /** What its recovery key could not do at the start. */
  recoveryProblem?: string;
}

async function ask(account: ResolvedMatrixAccount, timeoutMs: number): Promise<ProbeResult> {
  if (!account.homeserver) throw new Error(account.issue ?? "no homeserver is configured");
  const { loadNative } = await loadAddon();
  return loadNative(pluginRootDir()).probe({
    homeserver: account.homeserver,
    network: { allowPrivateNetwork: account.allowPrivateNetwork, proxy: account.proxy, extraCaCerts: extraCaCerts(processEnvironment()) },
    // A password account has no token to show; its running session tells who it is.
    accessToken: account.accessToken,
    timeoutMs,
  });
}

export async function probeAccount(account: ResolvedMatrixAccount, timeoutMs: number, path: string): Promise<MatrixProbe> {
  const startedAt = Date.now();
  const running = runningAccount(account.accountId);
  const health = await running?.account.health().catch(() => undefined);
  try {
    const result = await ask(account, timeoutMs);
    const identity = running?.account.identity;
    return {
      ok: true,
      elapsedMs: result.elapsedMs,
      versions: result.versions,
      features: homeserverFeatures(result),
      userId: result.userId ?? identity?.userId,
      deviceId: result.deviceId ?? identity?.deviceId,
      health,
      recoveryProblem: running?.recoveryProblem,
    };
  } catch (error) {
    const { code, message } = troubleOf(error, { path, accountId: account.accountId });
    return { ok: false, elapsedMs: Date.now() - startedAt, code, error: message, health, recoveryProblem: running?.recoveryProblem };
  }
}

/** What may be shown of an account: never a secret. */
function describe(account: ResolvedMatrixAccount): ChannelAccountSnapshot {
  return {
    accountId: account.accountId,
    name: account.name,
    enabled: account.enabled,
    configured: account.configured,
    baseUrl: account.homeserver,
    identity: runningAccount(account.accountId)?.account.identity.userId ?? account.userId,
    dmPolicy: effectiveDmPolicy(account.config),
    allowFrom: (account.config.dm?.allowFrom ?? []).map(String),
    ...(account.issue ? { stateReason: account.issue } : {}),
  };
}

/** What a health has to say to the person who wonders why nothing comes. */
export function healthIssues(accountId: string, health: Health, now: number = Date.now()): Omit<ChannelStatusIssue, "channel">[] {
  const issues: Omit<ChannelStatusIssue, "channel">[] = [];
  const add = (kind: ChannelStatusIssue["kind"], message: string, fix?: string) => issues.push({ accountId, kind, message, fix });
  const changed = changedIdentities(accountId, health);
  if (changed) add("auth", changed.message, changed.fix);
  const { outbox, inbox } = health;
  const waiting = unreadable(health, now);
  if (waiting) add("runtime", waiting.message, `${waiting.fix} See \`openclaw matrix verify status --account ${accountId} --verbose\`.`);
  if (outbox.failed > 0) {
    add("runtime", `${outbox.failed} message(s) could not be sent${outbox.error ? `; last: ${outbox.error}` : ""}.`, `Run \`openclaw matrix outbox list --account ${accountId}\`.`);
  }
  if (outbox.queued > 0 && health.sync.state !== "running") {
    add("runtime", `${outbox.queued} message(s) wait to be sent${waitingFor(outbox.oldestAt, now)}.`, "They go out when the homeserver answers again.");
  }
  if (inbox.deadLetters > 0) {
    add("runtime", `${inbox.deadLetters} message(s) could not be answered and were given up.`, `Run \`openclaw matrix dead-letters list --account ${accountId}\`.`);
  }
  if (health.duplicateOneTimeKeys) {
    add(
      "auth",
      "The homeserver refused this device's one-time keys: the device's encryption keys were used by another client or restored from an old copy.",
      `Give the account a new device: \`openclaw matrix devices renew --account ${accountId} --yes\`, with --password-stdin if no password is configured.`,
    );
  }
  for (const notice of health.notices) add("runtime", notice.message.endsWith(".") ? notice.message : `${notice.message}.`);
  return issues;
}

function lifecycleIssue(snapshot: ChannelAccountSnapshot): Omit<ChannelStatusIssue, "channel"> | undefined {
  const { accountId } = snapshot;
  // What blocks an account stands in its `lastError`, and the host warns of that by itself.
  if (snapshot.enabled === false || snapshot.lifecycle === "blocked") return undefined;
  if (snapshot.configured === false) {
    return { accountId, kind: "config", message: `Not configured: ${snapshot.stateReason ?? "the login is missing"}.` };
  }
  if (snapshot.lifecycle === "recovering") return { accountId, kind: "runtime", message: `Retrying: ${snapshot.lastError ?? "the homeserver does not answer"}` };
  return undefined;
}

export const status: ChannelStatusAdapter<ResolvedMatrixAccount, MatrixProbe> = {
  defaultRuntime: { accountId: "default", running: false, lastStartAt: null, lastStopAt: null, lastError: null },
  probeAccount: ({ account, timeoutMs, cfg }) => probeAccount(account, timeoutMs, accountPath(cfg, account.accountId)),
  formatCapabilitiesProbe: ({ probe }) =>
    probe.ok
      ? [
          { text: `Homeserver answers in ${probe.elapsedMs} ms, Matrix ${probe.versions?.at(-1) ?? "?"}${probe.userId ? `, as ${probe.userId}` : ""}` },
          ...(probe.features ? [{ text: `Homeserver features: ${Object.entries(probe.features).map(([name, on]) => `${name} ${on ? "yes" : "no"}`).join(", ")}` }] : []),
        ]
      : [{ text: probe.error ?? "The homeserver does not answer." }],
  /** What the account may do in a room that was named. */
  buildCapabilitiesDiagnostics: async ({ account, target }) => {
    const term = target?.trim().replace(/^(?:(?:matrix|room|channel):)+/i, "");
    if (!term || !/^[!#]/.test(term)) return undefined;
    const [own] = await lookUp(account, { wanted: "own", limit: 1 });
    const members = await lookUp(account, { wanted: "members", term, limit: 100_000 });
    const powerLevel = members.find(({ id }) => id === own?.id)?.powerLevel;
    return {
      lines: [{ text: powerLevel === undefined ? `${own?.id ?? "The account"} is not in ${term}` : `${own?.id} in ${term}: power level ${powerLevel}, ${members.length} member(s)` }],
      details: { room: { target: term, joined: powerLevel !== undefined, powerLevel: powerLevel ?? null, members: members.length } },
    };
  },
  buildAccountSnapshot: ({ account, runtime, probe }) => ({
    ...runtime,
    ...describe(account),
    running: runtime?.running ?? false,
    lastError: runtime?.lastError ?? null,
    probe,
    ...(probe ? { lastProbeAt: Date.now() } : {}),
  }),
  collectStatusIssues: (accounts) =>
    accounts.flatMap((snapshot) => {
      const issues: Omit<ChannelStatusIssue, "channel">[] = [];
      const lifecycle = lifecycleIssue(snapshot);
      if (lifecycle) issues.push(lifecycle);
      const probe = snapshot.probe as MatrixProbe | undefined;
      if (probe && !probe.ok && !lifecycle && snapshot.lifecycle !== "blocked") issues.push({ accountId: snapshot.accountId, kind: "runtime", message: probe.error ?? "The homeserver does not answer." });
      const health = probe?.health ?? runningAccount(snapshot.accountId)?.health;
      if (health) issues.push(...healthIssues(snapshot.accountId, health));
      const unrecovered = probe?.recoveryProblem ?? runningAccount(snapshot.accountId)?.recoveryProblem;
      if (unrecovered) issues.push({ accountId: snapshot.accountId, kind: "auth", message: unrecovered, fix: `See \`openclaw matrix verify status --account ${snapshot.accountId} --verbose\`.` });
      return issues.map((issue) => ({ channel: "matrix", ...issue }));
    }),
};
