import { afterEach, describe, expect, it } from "vitest";
import { resolveMatrixAccount } from "../../../ts/config/accounts.ts";
import { METHOD_SCOPES } from "../../../ts/gateway/method-names.ts";
import { METHODS, serveMethod } from "../../../ts/gateway/methods.ts";
import { setBlocked } from "../../../ts/gateway/registry.ts";
import { groups, mentions, pairing, security } from "../../../ts/gateway/security.ts";
import { healthIssues, status } from "../../../ts/gateway/status.ts";
import { setRegistration } from "../../../ts/host/slot.ts";
import type { ChannelAccountSnapshot, OpenClawConfig } from "../../../ts/host/types.ts";
import { emptyHealth } from "../support/fake-account.ts";
import { ALICE, LOGIN, ROOM, run, type Running } from "../support/running.ts";

const issuesOf = (snapshot: Partial<ChannelAccountSnapshot>) => status.collectStatusIssues?.([{ accountId: "default", enabled: true, configured: true, ...snapshot }]) ?? [];

let running: Running | undefined;
afterEach(async () => {
  setBlocked("default", undefined);
  await running?.stop();
  running = undefined;
});

describe("why an account is silent", () => {
  it("[STA-1] a blocked account's reason is in its status, where the host warns of it: once is enough", () => {
    expect(issuesOf({ lifecycle: "blocked", lastError: "refused", probe: { ok: false, elapsedMs: 1, error: "refused" } })).toEqual([]);
  });

  it("[STA-1] an account without a login says which key is missing", () => {
    expect(issuesOf({ configured: false, stateReason: "channels.matrix.homeserver is not set" })[0]).toMatchObject({ kind: "config", message: expect.stringContaining("channels.matrix.homeserver") });
  });

  it("[STA-1] a homeserver that does not answer is said while it is retried", () => {
    expect(issuesOf({ lifecycle: "recovering", lastError: "connection refused." })[0]?.message).toBe("Retrying: connection refused.");
    expect(issuesOf({ probe: { ok: false, elapsedMs: 3, error: "no answer within 5 s." } })[0]?.message).toBe("no answer within 5 s.");
  });

  it("[ENC-6] messages that cannot be read are counted, with age and causes", () => {
    const causes = [
      { cause: "missing-session", count: 2 },
      { cause: "withheld:m.unverified", count: 1 },
    ];
    const health = { ...emptyHealth(), undecryptable: { waiting: 3, oldestAt: 0, causes, sustained: true } };
    const [issue] = healthIssues("ops", health, 3 * 3_600_000);
    expect(issue?.message).toBe("3 encrypted message(s) cannot be read yet, the oldest for 3 h (2: their key has not come; 1: the sender gives keys to verified devices only).");
    expect(issue?.fix).toMatch(/start their client\. Verify the bot's device/);
    expect(issue?.fix).toContain("openclaw matrix verify status --account ops");
  });

  it.each([
    ["missing-session", /send them again/],
    ["no-backup", /send them again/],
    ["sent-before-join", /new members/],
    ["unknown-index", /send them again/],
    ["unsigned-sender", /verify the device they write from/],
    ["mismatched-identity", /log out on that device/],
    ["decryption-failed", /send them again/],
    ["malformed", /update their client/],
    ["withheld:m.unverified", /Verify the bot's device/],
    ["withheld:m.blacklisted", /unblock/],
    ["withheld:m.unauthorised", /closed history/],
    ["withheld:m.unavailable", /send them again/],
    ["withheld:m.no_olm", /tries again by itself/],
    ["withheld:org.example.new", /org\.example\.new|send them again/],
  ])("[ENC-6] the cause %s comes with what to do", (cause, todo) => {
    const health = { ...emptyHealth(), undecryptable: { waiting: 1, causes: [{ cause, count: 1 }], sustained: true } };
    expect(healthIssues("ops", health)[0]?.fix).toMatch(todo);
  });

  it("[ENC-12] whose identity changed is said, with how to accept it", () => {
    const people = ["@a:hs", "@b:hs", "@c:hs", "@d:hs", "@e:hs", "@f:hs"].map((userId) => ({ userId, wasVerified: userId === "@b:hs" }));
    const [issue] = healthIssues("ops", { ...emptyHealth(), changedIdentities: people });
    expect(issue?.message).toBe("The identity of @a:hs, @b:hs (whom this account had verified), @c:hs, @d:hs, @e:hs and 1 more has changed.");
    expect(issue?.fix).toMatch(/ask them over another channel.*`openclaw matrix verify acknowledge @a:hs --account ops`/);
    expect(healthIssues("ops", emptyHealth())).toEqual([]);
  });

  it("[STA-1] what was set aside is said with its own sentence", () => {
    const notices = [{ kind: "crypto-store", at: 1, message: "the encryption store is damaged; logged in as a new device" }];
    expect(healthIssues("ops", { ...emptyHealth(), notices }).map((issue) => issue.message)).toEqual(["the encryption store is damaged; logged in as a new device."]);
  });

  it("[STA-1] failed sends, dead letters and reused one-time keys are said", () => {
    const health = { ...emptyHealth(), outbox: { queued: 0, failed: 2, error: "forbidden" }, inbox: { ...emptyHealth().inbox, deadLetters: 1 }, duplicateOneTimeKeys: true };
    const messages = healthIssues("ops", health).map((issue) => issue.message);
    expect(messages).toHaveLength(3);
    expect(messages[0]).toContain("forbidden");
    expect(messages[2]).toContain("one-time keys");
  });

  it("[STA-1] a healthy account has nothing to say, a disabled one neither", () => {
    expect(issuesOf({ lifecycle: "ready", probe: { ok: true, elapsedMs: 1, health: emptyHealth() } })).toEqual([]);
    expect(issuesOf({ enabled: false, lifecycle: "blocked" })).toEqual([]);
  });

  it("[STA-1] a snapshot names homeserver and user and holds no secret", async () => {
    const cfg = { channels: { matrix: { ...LOGIN, userId: "@bot:example.org" } } } as OpenClawConfig;
    const snapshot = await status.buildAccountSnapshot?.({ account: resolveMatrixAccount(cfg), cfg, probe: { ok: true, elapsedMs: 1 } });
    expect(snapshot).toMatchObject({ configured: true, enabled: true, baseUrl: LOGIN.homeserver, identity: "@bot:example.org", dmPolicy: "pairing", probe: { ok: true } });
    expect(JSON.stringify(snapshot)).not.toContain(LOGIN.accessToken);
  });
});

describe("gateway methods", () => {
  async function call(name: keyof typeof METHOD_SCOPES, params: Record<string, unknown> = {}): Promise<{ ok: boolean; payload?: unknown; error?: { message: string; details?: unknown } }> {
    let answer: { ok: boolean; payload?: unknown; error?: never } = { ok: false };
    await serveMethod(name, { params, respond: (ok, payload, error) => void (answer = { ok, payload, error: error as never }) });
    return answer;
  }

  function start(matrix: Record<string, unknown> = {}): Running {
    running = run({ matrix });
    setRegistration({ runtime: running.host.runtime, rootDir: "/nonexistent" });
    return running;
  }

  async function ready(on: Running): Promise<void> {
    await on.account.until(() => on.status().lifecycle === "ready");
  }

  it("[VER-10] every name has its work", () => {
    expect(Object.keys(METHODS).sort()).toEqual(Object.keys(METHOD_SCOPES).sort());
  });

  it("[VER-10] matrix.verify.status answers for the account that runs", async () => {
    const on = start();
    await ready(on);
    on.account.encryption = { crossSigningVerified: true, backup: { keyLoadAttempted: false, issue: "inactive", serverVersion: "3" } };
    expect(await call("matrix.verify.status")).toMatchObject({ ok: true, payload: { verified: true, deviceId: "BOTDEVICE", backup: { serverVersion: "3", activeVersion: null } } });
  });

  it("[VER-10] an account that does not run is said, with its reason if there is one", async () => {
    start();
    await running?.stop();
    expect((await call("matrix.verify.status")).error?.message).toContain("openclaw channels status --probe");
    setBlocked("default", { code: "auth_failed", message: "refused", since: 0 });
    expect((await call("matrix.verify.status")).error).toMatchObject({ message: "refused", details: { matrixCode: "auth_failed" } });
    expect((await call("matrix.verify.status", { accountId: "nobody" })).error?.message).toContain('no Matrix account "nobody"');
  });

  it("[STA-1] matrix.status lists the accounts with health", async () => {
    const on = start();
    await ready(on);
    expect(await call("matrix.status")).toMatchObject({ ok: true, payload: { accounts: [{ accountId: "default", identity: { userId: "@bot:example.org" }, health: { sync: { state: "running" } }, blocked: null }] } });
  });

  it("[PAI-4] an approval is told to the person in their DM", async () => {
    const on = start();
    await ready(on);
    await pairing.notifyApproval?.({ cfg: on.host.cfg, id: ALICE, accountId: "default" });
    expect(await call("matrix.pairing.notify", { id: "@new:example.org" })).toMatchObject({ ok: true });
    expect(on.account.sent.map((one) => one.roomId)).toEqual(["!dm:example.org", "!dm-new-example.org:example.org"]);
    expect(on.account.texts()[0]).toContain("approved");
    // In the room where they asked, wherever the account would open one; not in a room they have left.
    on.account.room("!asked:example.org", { joinedMemberCount: 2, otherMembers: [ALICE] });
    on.account.room("!left:example.org", { joinedMemberCount: 1, otherMembers: [] });
    await pairing.notifyApproval?.({ cfg: on.host.cfg, id: ALICE, accountId: "default", meta: { room: "!asked:example.org" } });
    await pairing.notifyApproval?.({ cfg: on.host.cfg, id: ALICE, accountId: "default", meta: { room: "!left:example.org" } });
    expect(on.account.sent.map((one) => one.roomId).slice(2)).toEqual(["!asked:example.org", "!dm:example.org"]);
  });
});

describe("what the host shows of the rules", () => {
  const warn = async (matrix: Record<string, unknown>): Promise<string> => {
    const cfg = { channels: { matrix: { ...LOGIN, ...matrix } } } as OpenClawConfig;
    return ((await security.collectWarnings?.({ cfg, account: resolveMatrixAccount(cfg) })) ?? []).join("\n");
  };

  it("[ACL-15] open rooms, open DMs, unguarded rooms and autoJoin: always are warned of, by key", async () => {
    expect(await warn({ groupPolicy: "open" })).toContain("channels.matrix.groupPolicy");
    expect(await warn({ dm: { policy: "open", allowFrom: ["*"] } })).toContain("channels.matrix.dm.policy");
    expect(await warn({ groups: { [ROOM]: {} } })).toContain("channels.matrix.groupAllowFrom");
    expect(await warn({ autoJoin: "always" })).toContain("channels.matrix.autoJoin");
  });

  it("[ACL-1] open without * is warned of: it answers the listed only", async () => {
    expect(await warn({ dm: { policy: "open", allowFrom: [ALICE] } })).toContain('has no "*"');
  });

  it("[ACL-15] a guarded configuration has no warning", async () => {
    expect(await warn({ groupAllowFrom: [ALICE], groups: { [ROOM]: {} }, dm: { policy: "pairing" } })).toBe("");
  });

  it("[ACL-1] the DM policy is shown as it counts", () => {
    const cfg = { channels: { matrix: { ...LOGIN, allowlistOnly: true, dm: { policy: "open", allowFrom: [ALICE] } } } } as OpenClawConfig;
    expect(security.resolveDmPolicy?.({ cfg, account: resolveMatrixAccount(cfg) })).toMatchObject({ policy: "allowlist", allowFrom: [ALICE], allowFromPath: "channels.matrix.dm." });
  });

  it("[MEN-1] the mention rule of a room is shown", () => {
    const cfg = { channels: { matrix: { ...LOGIN, groups: { [ROOM]: { requireMention: false } } } } } as OpenClawConfig;
    expect(groups.resolveRequireMention?.({ cfg, groupId: ROOM })).toBe(false);
    expect(groups.resolveRequireMention?.({ cfg, groupId: "!other:example.org" })).toBe(true);
  });

  it("[MEN-6] the host sees a command without our address", async () => {
    running = run();
    await running.account.until(() => running?.status().lifecycle === "ready");
    const strip = (text: string) => mentions.stripMentions?.({ text, ctx: { AccountId: "default" }, cfg: undefined });
    expect(strip("@bot:example.org /status")).toBe("/status");
    expect(strip("@alice:example.org /status")).toBe("@alice:example.org /status");
  });

  it("[ACL-14] the tool rule of a room is shown", () => {
    const cfg = { channels: { matrix: { ...LOGIN, groups: { [ROOM]: { tools: { deny: ["exec"] } } } } } } as OpenClawConfig;
    expect(groups.resolveToolPolicy?.({ cfg, groupId: `room:${ROOM}` })).toEqual({ deny: ["exec"] });
  });
});
