import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApprovalCapability } from "../../../ts/approvals/capability.ts";
import { type Prompt, PromptBook } from "../../../ts/approvals/prompts.ts";
import type { Decide } from "../../../ts/approvals/reaction.ts";
import { approvalsOf, loadRoutes } from "../../../ts/approvals/slot.ts";
import { resolveMatrixAccount } from "../../../ts/config/accounts.ts";
import { runApprovals } from "../../../ts/gateway/approvals.ts";
import type { ApprovalCapability, PendingApprovalView, ResolvedApprovalView } from "../../../ts/host/approvals.ts";
import type { OpenClawConfig } from "../../../ts/host/types.ts";
import type { InboundReaction } from "../../../ts/native/account.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import { BOT, FakeAccount } from "../support/fake-account.ts";
import { ALICE, CAROL, DM, furnish, LOGIN, ROOM } from "../support/running.ts";

type NativeRuntime = NonNullable<ApprovalCapability["nativeRuntime"]>;

const EXPIRES = Date.now() + 600_000;
let dir: string;
let account: FakeAccount;
let cfg: OpenClawConfig;
let log: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "approvals-"));
  account = furnish(new FakeAccount());
  cfg = { channels: { matrix: { ...LOGIN, execApprovals: { approvers: [ALICE] } } } } as OpenClawConfig;
  log = [];
  await loadRoutes();
}, 120_000);

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const outbound = () => ({ account, resolved: resolveMatrixAccount(cfg, "default") });
const native = (): NativeRuntime => createApprovalCapability(() => outbound()).nativeRuntime as NativeRuntime;

function start(decide: Decide = async () => true) {
  const write = (line: string) => log.push(line);
  return runApprovals({ accountId: "default", stateRoot: dir, cfg: () => cfg, outbound, channelRuntime: undefined, decide, log: { info: write, warn: write, error: write } });
}

const pendingView = {
  approvalId: "11112222-aaaa",
  approvalKind: "exec",
  phase: "pending",
  title: "Exec Approval Required",
  description: "A command needs your approval.",
  metadata: [{ label: "Host", value: "gateway" }],
  commandText: "echo ``` hi",
  cwd: "/work",
  expiresAtMs: EXPIRES,
  actions: (["allow-once", "allow-always", "deny"] as const).map((decision) => ({ kind: "decision", decision, label: decision, style: "primary", command: `/approve 11112222-aaaa ${decision}` })),
} as PendingApprovalView;

const request = { id: "11112222-aaaa", createdAtMs: 0, expiresAtMs: EXPIRES, request: { command: "echo" } };
const context = { accountId: "default", request, approvalKind: "exec" as const };

/** As the host does it. */
async function ask(to: string, threadId?: string): Promise<Prompt> {
  const { presentation, transport, interactions } = native();
  const pendingPayload = await presentation.buildPendingPayload({ ...context, cfg, nowMs: Date.now(), view: pendingView });
  const plannedTarget = { surface: "origin" as const, target: { to, threadId }, reason: "preferred" as const };
  const prepared = await transport.prepareTarget({ ...context, cfg, plannedTarget, view: pendingView, pendingPayload });
  const entry = await transport.deliverPending({ ...context, cfg, plannedTarget, preparedTarget: prepared?.target, view: pendingView, pendingPayload });
  await interactions?.bindPending?.({ ...context, cfg, entry, view: pendingView, pendingPayload });
  return entry as Prompt;
}

async function resolve(entry: Prompt, over: Partial<ResolvedApprovalView> = {}): Promise<void> {
  const { presentation, transport } = native();
  const view = { ...pendingView, phase: "resolved", title: "Exec Approval", decision: "allow-once", resolvedBy: ALICE, ...over } as ResolvedApprovalView;
  const result = await presentation.buildResolvedResult({ ...context, cfg, resolved: { id: request.id, decision: "allow-once", ts: 0 }, view, entry });
  if (result.kind !== "update") throw new Error(result.kind);
  await transport.updateEntry?.({ ...context, cfg, entry, payload: result.payload, phase: "resolved" });
}

function reaction(entry: Prompt, over: Partial<InboundReaction> = {}): InboundReaction {
  return { type: "reaction", seq: 1, roomId: entry.roomId, eventId: "$r", sender: ALICE, originServerTs: 0, receivedAt: 0, encrypted: false, attempts: 0, late: false, targetId: entry.eventId, key: "✅", ...over };
}

describe("a prompt", () => {
  it("[APR-5][APR-8] says what is asked, carries it for other clients, and has the answers under it", async () => {
    const running = await start();
    const entry = await ask(`room:${ROOM}`, "$root");
    const [text, ...reactions] = account.sent;
    expect(text).toMatchObject({ type: "text", roomId: ROOM, threadRootId: "$root", kind: "text" });
    if (text?.type !== "text") throw new Error("no text");
    expect(text.markdown).toContain("````\necho ``` hi\n````");
    expect(text.markdown).toContain("/approve 11112222-aaaa allow-once|allow-always|deny");
    expect(text.markdown).toMatch(/Open for 10 minutes\.$/);
    expect(text.extra?.["com.openclaw.approval"]).toMatchObject({ version: 1, type: "approval.request", id: "11112222-aaaa", kind: "exec", state: "pending", allowedDecisions: ["allow-once", "allow-always", "deny"], commandText: "echo ``` hi", cwd: "/work" });
    expect(reactions.map((one) => one.type === "reaction" && [one.eventId, one.emoji])).toEqual(["✅", "♾️", "❌"].map((emoji) => [entry.eventId, emoji]));
    running.close();
  });

  it("[APR-9] of an account that starts again is the same one", async () => {
    const running = await start();
    const entry = await ask(`room:${DM}`);
    running.close();
    const sent = account.sent.length;
    const again = await start();
    expect(await ask(`room:${DM}`)).toEqual(entry);
    expect(account.sent).toHaveLength(sent);
    again.close();
  });

  it("[APR-7] is edited when it was answered, and its further parts are taken away", async () => {
    const running = await start();
    const entry = await ask(`room:${DM}`);
    await resolve({ ...entry, more: ["$more"] });
    const [edit, redaction] = account.sent.slice(-2);
    expect(edit).toMatchObject({ type: "edit", eventId: entry.eventId, draft: false });
    expect(edit?.type === "edit" && edit.markdown).toMatch(/^\*\*Exec Approval\*\*: ✅ Allowed once, @alice:example\.org\n\n````\necho/);
    expect(edit?.type === "edit" && edit.extra?.["com.openclaw.approval"]).toMatchObject({ state: "resolved", decision: "allow-once" });
    expect(redaction).toMatchObject({ type: "redaction", eventId: "$more" });
    // Nobody is asked by it any more.
    expect(await running.answer(reaction(entry))).toBe(false);
    running.close();
  });

  it("[APR-10] of a system change says what became of the change", async () => {
    const running = await start();
    const entry = await ask(`room:${DM}`);
    const change = { approvalKind: "system-agent", description: "Set a key" } as Partial<ResolvedApprovalView>;
    const said = async (over: Record<string, unknown>) => {
      account.sent.length = 0;
      await resolve({ ...entry, approvalId: JSON.stringify(over) }, { ...change, ...over } as Partial<ResolvedApprovalView>);
      const [edit] = account.sent;
      return edit?.type === "edit" ? edit.markdown : "";
    };
    expect(await said({ applicationStatus: "applied" })).toContain("Approved and applied");
    expect(await said({ applicationStatus: "not-applied" })).toContain("not confirmed");
    expect(await said({ terminalStatus: "cancelled" })).toContain("nothing was changed");
    expect(await said({ decision: "deny" })).toContain("Denied; nothing was changed");
    running.close();
  });

  it("[APR-7] whose time is over is taken back, also one of before a restart", async () => {
    const running = await start();
    const entry = await ask(`room:${DM}`);
    const { presentation, transport } = native();
    expect(await presentation.buildExpiredResult({ ...context, cfg, view: { ...pendingView, phase: "expired" } as never, entry })).toEqual({ kind: "delete" });
    await transport.deleteEntry?.({ ...context, cfg, entry, phase: "expired" });
    expect(account.sent.at(-1)).toMatchObject({ type: "redaction", eventId: entry.eventId });
    await approvalsOf("default")?.book.add({ ...entry, eventId: "$old", expiresAtMs: Date.now() - 3_600_000 });
    running.close();
    const again = await start();
    await account.until(() => account.sent.some((one) => one.type === "redaction" && one.eventId === "$old"));
    again.close();
  });

  it("[APR-12] goes into a healthy direct message with the approver", async () => {
    const running = await start();
    expect((await ask(`user:${ALICE}`)).roomId).toBe(DM);
    running.close();
  });

  it("[APR-1] that cannot be sent is an error in the log, and asks nobody", async () => {
    const running = await start();
    account.sendError = new MatrixError("forbidden", "you may not write here");
    await expect(ask(`room:${ROOM}`)).rejects.toThrow("you may not write here");
    running.close();
  });
});

describe("a reaction to a prompt", () => {
  interface Answer {
    decision: string;
    senderId: string;
    kind: string;
  }

  async function answering(outcome: boolean | Error = true) {
    const answers: Answer[] = [];
    const running = await start(async ({ decision, senderId, prompt }) => {
      answers.push({ decision, senderId, kind: prompt.kind });
      if (outcome instanceof Error) throw outcome;
      return outcome;
    });
    return { running, answers, entry: await ask(`room:${ROOM}`) };
  }

  it("[APR-5] of an approver decides, however their client spells the emoji", async () => {
    const { running, answers, entry } = await answering();
    for (const key of ["✅", "✅\uFE0F", "♾", "♾️", "❌", "approval.deny"]) expect(await running.answer(reaction(entry, { key }))).toBe(true);
    expect(answers.map(({ decision }) => decision)).toEqual(["allow-once", "allow-once", "allow-always", "allow-always", "deny", "deny"]);
    expect(answers[0]).toEqual({ decision: "allow-once", senderId: ALICE, kind: "exec" });
    running.close();
  });

  it("[APR-2][APR-5] of anybody else, of ours, or with another emoji decides nothing, and the agent does not hear of it", async () => {
    const { running, answers, entry } = await answering();
    for (const over of [{ sender: CAROL }, { sender: BOT.userId }, { key: "👍" }]) expect(await running.answer(reaction(entry, over))).toBe(true);
    expect(answers).toEqual([]);
    expect(log.join("\n")).toContain(`a reaction of ${CAROL} to the approval 11112222-aaaa does not count`);
    expect(await running.answer(reaction(entry, { targetId: "$another" }))).toBe(false);
    running.close();
  });

  it("[APR-9] is known for as long as the prompt may be open, over a restart", async () => {
    const { running, entry } = await answering();
    running.close();
    const file = join(dir, "matrix-rs", "approvals", "default.json");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, "utf8")).not.toContain("echo");
    const again = await answering(false);
    expect(await again.running.answer(reaction(entry))).toBe(true);
    expect(again.answers).toHaveLength(1);
    // Nobody waits for it any more, and the prompt says so.
    expect(account.sent.at(-1)).toMatchObject({ type: "edit", eventId: entry.eventId, extra: { "com.openclaw.approval": { state: "closed" } } });
    expect(await again.running.answer(reaction(entry))).toBe(false);
    again.running.close();
  });

  it("[APR-7][APR-9] closes a prompt that the host has not met again since the account's start", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    try {
      const { running, entry } = await answering();
      expect(await running.answer(reaction(entry))).toBe(true);
      const before = account.sent.length;
      await vi.advanceTimersByTimeAsync(5000);
      await vi.waitFor(() => expect(account.sent.slice(before)).toMatchObject([{ type: "edit", eventId: entry.eventId, markdown: `✅ Allowed once, ${ALICE}`, extra: { "com.openclaw.approval": { state: "resolved", decision: "allow-once" } } }]));
      expect(await running.answer(reaction(entry))).toBe(false);
      running.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it("[APR-5] comes again when the gateway could not take it", async () => {
    const { running, entry } = await answering(new Error("unavailable"));
    await expect(running.answer(reaction(entry))).rejects.toThrow("unavailable");
    running.close();
  });

  it("[APR-5] proves no device: with trust.approvals \"verified\" it does not count", async () => {
    const { running, answers, entry } = await answering();
    cfg = { channels: { matrix: { ...LOGIN, trust: { approvals: "verified" }, execApprovals: { approvers: [ALICE] } } } } as OpenClawConfig;
    expect(await running.answer(reaction(entry))).toBe(true);
    expect(answers).toEqual([]);
    expect(log.join("\n")).toContain('trust.approvals is "verified"');
    running.close();
  });

  it("[APR-9] a file that is no book of prompts is said to be unreadable, and the next prompt makes it one", async () => {
    const broken: unknown[] = [];
    const file = join(dir, "book.json");
    await writeFile(file, "{");
    const book = await PromptBook.open(file, (error) => broken.push(error));
    expect(broken).toHaveLength(1);
    await book.add({ roomId: "!r:hs", eventId: "$e", more: [], approvalId: "a", kind: "exec", decisions: ["deny"], expiresAtMs: EXPIRES });
    const again = await PromptBook.open(file, (error) => broken.push(error));
    expect(again.get("!r:hs", "$e")).toMatchObject({ approvalId: "a" });
    expect(broken).toHaveLength(1);
  });
});
