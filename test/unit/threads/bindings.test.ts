import { getSessionBindingService } from "openclaw/plugin-sdk/conversation-runtime";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readBinding } from "../../../ts/threads/record.ts";
import { ThreadBindings } from "../../../ts/threads/bindings.ts";
import { configuredBindings, createConversationBindings } from "../../../ts/threads/facets.ts";
import { FakeAccount } from "../support/fake-account.ts";
import { FakeBindings } from "../support/running.ts";

const ROOM = "!Room:example.org";
const ROOT = "$Root";
const TARGET = "agent:main:subagent:0ddba11";
const service = getSessionBindingService();
const at = (conversationId: string, parentConversationId?: string) => ({ channel: "matrix", accountId: "ops", conversationId, parentConversationId });

describe("bound conversations", () => {
  let account: FakeAccount;
  let store: FakeBindings;
  let cfg: { session?: unknown; channels: { matrix: { accounts: { ops: { threadBindings?: Record<string, unknown> } } } } };
  let bindings: ThreadBindings | undefined;
  const noted: string[] = [];

  async function start(threadBindings: Record<string, unknown> = {}): Promise<ThreadBindings> {
    cfg = { channels: { matrix: { accounts: { ops: { threadBindings } } } } };
    bindings = await ThreadBindings.start({
      accountId: "ops",
      account,
      cfg: () => cfg as never,
      store,
      noteThread: async (roomId, root) => void noted.push(`${roomId} ${root}`),
      log: { info: () => undefined, warn: (line) => noted.push(line), error: (line) => noted.push(line) },
    });
    return bindings;
  }

  function bind(conversation = at(ROOM), extra: Record<string, unknown> = {}) {
    return service.bind({ targetSessionKey: TARGET, targetKind: "subagent", conversation, placement: "current", metadata: { label: "scout", boundBy: "@alice:example.org" }, ...extra });
  }

  const said = (): { text: string; place: string }[] =>
    account.sent.flatMap((one) => (one.type === "text" ? [{ text: one.markdown, place: one.threadRootId ?? one.roomId }] : []));

  beforeEach(() => {
    account = new FakeAccount();
    store = new FakeBindings();
    noted.length = 0;
  });
  afterEach(async () => {
    vi.useRealTimers();
    await bindings?.stop();
    bindings = undefined;
  });

  it("[BND-2][BND-5] a room or a thread is bound in place, with a line that says so", async () => {
    await start();
    const bound = await bind(at(ROOT, ROOM));
    expect(bound).toMatchObject({ bindingId: `ops:${ROOT}`, targetSessionKey: TARGET, status: "active", conversation: { conversationId: ROOT, parentConversationId: ROOM } });
    expect(said()).toEqual([{ text: expect.stringMatching(/^⚙️ scout session active/), place: ROOT }]);
    expect(service.resolveByConversation(at(ROOT, ROOM))?.targetSessionKey).toBe(TARGET);
    expect(service.resolveByConversation(at(ROOT))?.targetSessionKey).toBe(TARGET);
    expect(service.resolveByConversation(at(ROOM)), "the room around it").toBeNull();
    expect(service.resolveByConversation({ ...at(ROOT), accountId: "other" })).toBeNull();
    expect(service.listBySession(TARGET)).toHaveLength(1);
    await bind(at(ROOT, ROOM));
    expect(said(), "the same again").toHaveLength(1);
  });

  it("[BND-2] a child thread begins with that line, and the account takes part in it", async () => {
    await start();
    const bound = await bind(at(ROOM), { placement: "child", metadata: { introText: "⚙️ here" } });
    const [root] = account.sent;
    expect(root).toMatchObject({ type: "text", roomId: ROOM, markdown: "⚙️ here", kind: "notice" });
    expect(bound.conversation.parentConversationId).toBe(ROOM);
    expect(noted).toEqual([`${ROOM} ${bound.conversation.conversationId}`]);
    expect(said(), "lines").toHaveLength(1);
  });

  it("[BND-3] unbinding says goodbye, by session or by conversation", async () => {
    await start();
    const first = await bind(at(ROOT, ROOM));
    await bind(at(ROOM));
    const removed = await service.unbind({ bindingId: first.bindingId, scope: first.conversation, reason: "manual" });
    expect(removed.map(({ bindingId }) => bindingId)).toEqual([first.bindingId]);
    expect(said().at(-1)).toEqual({ text: expect.stringMatching(/^⚙️ .*no longer/i), place: ROOT });
    await service.unbind({ targetSessionKey: TARGET, reason: "session-delete" });
    expect(service.listBySession(TARGET)).toEqual([]);
    expect(store.saved).toEqual([]);
  });

  it("[BND-9] an ACP session that is reset keeps its conversations, one that is deleted does not", async () => {
    await start();
    const acp = "agent:codex:acp:0ddba11";
    const { bindingId } = await bind(at(ROOM), { targetSessionKey: acp, targetKind: "session" });
    expect(await service.unbind({ targetSessionKey: acp, reason: "session-reset" })).toEqual([]);
    expect(service.resolveByConversation(at(ROOM))?.bindingId).toBe(bindingId);
    await service.unbind({ targetSessionKey: acp, reason: "session-delete" });
    expect(service.resolveByConversation(at(ROOM))).toBeNull();
  });

  it("[BND-4] idle and old bindings end by themselves, as configured at that moment", async () => {
    vi.useFakeTimers();
    await start({ idleHours: 1, maxAgeHours: 3 });
    const { bindingId, expiresAt, metadata } = await bind();
    expect(expiresAt).toBe(Date.now() + 3_600_000);
    expect(metadata).toMatchObject({ idleTimeoutMs: 3_600_000, maxAgeMs: 3 * 3_600_000 });
    await vi.advanceTimersByTimeAsync(50 * 60_000);
    service.touch(bindingId);
    await vi.advanceTimersByTimeAsync(50 * 60_000);
    expect(service.resolveByConversation(at(ROOM))).not.toBeNull();
    cfg.channels.matrix.accounts.ops.threadBindings = { idleHours: 0.5, maxAgeHours: 3 };
    expect(service.resolveByConversation(at(ROOM)), "idle for 50 minutes").toBeNull();
    await vi.advanceTimersByTimeAsync(61_000);
    expect(said().at(-1)?.text).toMatch(/expired after 30m of inactivity/);

    cfg.channels.matrix.accounts.ops.threadBindings = { idleHours: 0, maxAgeHours: 1 };
    await bind();
    await vi.advanceTimersByTimeAsync(3_600_001);
    expect(said().at(-1)?.text).toMatch(/expired at max age of 1h/);
  });

  it("[BND-3] /session idle and max-age count for one session's bindings", async () => {
    const running = await start({ idleHours: 1 });
    const facet = createConversationBindings((id) => (id === "ops" ? running : undefined));
    await bind();
    const [changed] = (await facet.setIdleTimeoutBySessionKeyAsync?.({ targetSessionKey: TARGET, accountId: "ops", idleTimeoutMs: 5000 })) ?? [];
    expect(changed).toMatchObject({ idleTimeoutMs: 5000, maxAgeMs: 0 });
    await facet.setMaxAgeBySessionKeyAsync?.({ targetSessionKey: TARGET, accountId: "OPS", maxAgeMs: 9000 });
    expect(store.saved).toMatchObject([{ idleTimeoutMs: 5000, maxAgeMs: 9000 }]);
    expect(await facet.setMaxAgeBySessionKeyAsync?.({ targetSessionKey: "another", accountId: "ops", maxAgeMs: 1 })).toEqual([]);
    expect(await facet.setMaxAgeBySessionKeyAsync?.({ targetSessionKey: TARGET, accountId: "stopped", maxAgeMs: 1 })).toEqual([]);
  });

  it("[BND-4] switched off nothing is bound, and the switch brings back what was", async () => {
    await start();
    await bind();
    cfg.channels.matrix.accounts.ops.threadBindings = { enabled: false };
    expect(service.resolveByConversation(at(ROOM))).toBeNull();
    await expect(bind(at(ROOT, ROOM))).rejects.toThrow(/threadBindings.enabled/);
    cfg.channels.matrix.accounts.ops.threadBindings = {};
    expect(service.resolveByConversation(at(ROOM))).not.toBeNull();
  });

  it("[BND-6] a restart keeps bindings, limits and what the host notes of them; a damaged entry costs itself alone", async () => {
    await start();
    await bind(at(ROOT, ROOM), { ttlMs: 60_000, metadata: { boundBy: "@alice:example.org", pluginOwner: { id: "x" } } });
    await bindings?.stop();
    expect(service.resolveByConversation(at(ROOT))).toBeNull();
    store.saved = [...store.saved];
    await start();
    expect(service.resolveByConversation(at(ROOT))).toMatchObject({ targetSessionKey: TARGET, metadata: { boundBy: "@alice:example.org", pluginOwner: { id: "x" }, maxAgeMs: 60_000 } });
    for (const broken of [null, 7, {}, { conversationId: ROOT }, { conversationId: ROOT, targetSessionKey: TARGET, boundAt: "yesterday" }]) expect(readBinding(broken)).toBeUndefined();
  });

  it("[BND-6] bindings that cannot be read are told, and the account runs", async () => {
    store.load = () => Promise.reject(new Error("EIO"));
    await start();
    expect(noted[0]).toMatch(/nothing is bound: Error: EIO/);
  });
});

describe("bindings of the configuration", () => {
  const compile = (conversationId: string) => configuredBindings.compileConfiguredBinding({ binding: {} as never, conversationId });

  it("[BND-7] name a room or a thread's root, and a room's holds in its threads", () => {
    const match = (to: string, conversationId: string, parentConversationId?: string) =>
      configuredBindings.matchInboundConversation({ binding: {} as never, compiledBinding: compile(to) as never, conversationId, parentConversationId });
    expect(compile(`room:${ROOM}`)).toEqual({ conversationId: ROOM });
    expect(compile("!v12id")).toEqual({ conversationId: "!v12id" });
    expect(compile(ROOT)).toEqual({ conversationId: ROOT });
    expect(compile("@alice:example.org")).toBeNull();
    expect(match(ROOM, ROOM)).toMatchObject({ matchPriority: 2 });
    expect(match(ROOM, ROOT, ROOM)).toMatchObject({ conversationId: ROOM, matchPriority: 1 });
    expect(match(ROOT, ROOT, ROOM)).toMatchObject({ conversationId: ROOT, matchPriority: 2 });
    expect(match(ROOM, "!room:example.org"), "another case is another room").toBeNull();
  });

  it("[BND-1] a command's place is its thread, or its room", () => {
    const place = (to: string, threadId?: string) => configuredBindings.resolveCommandConversation?.({ accountId: "ops", originatingTo: to, threadId });
    expect(place(`room:${ROOM}`)).toEqual({ conversationId: ROOM });
    expect(place(`matrix:channel:${ROOM}`, ROOT)).toEqual({ conversationId: ROOT, parentConversationId: ROOM });
    expect(place("user:@alice:example.org")).toBeNull();
  });
});
