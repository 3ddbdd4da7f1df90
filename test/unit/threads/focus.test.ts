import { getSessionBindingService } from "openclaw/plugin-sdk/conversation-runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isOwnCommand } from "../../../ts/config/own-commands.ts";
import { ThreadBindings } from "../../../ts/threads/bindings.ts";
import { focus, unfocus } from "../../../ts/threads/focus.ts";
import { FakeAccount } from "../support/fake-account.ts";
import { FakeBindings } from "../support/running.ts";

const ROOM = "!room:example.org";
const HERE = "agent:main:matrix:channel:!room:example.org";
const SCOUT = "agent:main:subagent:aaaa1111-0000";
const CODER = "agent:codex:acp:bbbb2222-0000";
const THEIRS = "agent:main:subagent:cccc3333-0000";

const SESSIONS: Record<string, [string, { label?: string; spawnedBy?: string }][]> = {
  main: [
    [HERE, {}],
    [SCOUT, { label: "Scout", spawnedBy: HERE }],
    [THEIRS, { label: "secret", spawnedBy: "agent:main:matrix:default:direct:@carol:example.org" }],
  ],
  codex: [[CODER, { spawnedBy: HERE }]],
};

const runtime = {
  agent: { session: { listSessionEntries: ({ agentId }: { agentId: string }) => (SESSIONS[agentId] ?? []).map(([sessionKey, entry]) => ({ sessionKey, entry })) } },
} as never;

describe("/focus and /unfocus", () => {
  let bindings: ThreadBindings;
  let account: FakeAccount;
  let matrix: Record<string, unknown>;
  beforeEach(async () => {
    account = new FakeAccount();
    matrix = {};
    bindings = await ThreadBindings.start({
      accountId: "default",
      account,
      cfg: () => ({ channels: { matrix } }) as never,
      store: new FakeBindings(),
      noteThread: async () => undefined,
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    });
  });
  afterEach(() => bindings.stop());

  function context(args: string, extra: Record<string, unknown> = {}) {
    return {
      args,
      config: { channels: { matrix }, agents: { entries: { main: {}, codex: {} } } } as never,
      accountId: "default",
      agentId: "main",
      sessionKey: HERE,
      senderId: "@alice:example.org",
      to: `room:${ROOM}`,
      ...extra,
    };
  }
  const boundTo = (conversationId: string) => getSessionBindingService().resolveByConversation({ channel: "matrix", accountId: "default", conversationId })?.targetSessionKey;

  it("[BND-1] at the top of a room it begins a thread; in a thread it binds that one, and /unfocus ends it", async () => {
    expect(await focus(context("scout"), runtime)).toMatch(/^✅ A new thread talks to Scout/);
    const [root] = account.sent;
    expect(root).toMatchObject({ type: "text", roomId: ROOM, markdown: expect.stringMatching(/Scout session active/) });
    expect(await focus(context("bbbb", { messageThreadId: "$Root" }), runtime)).toMatch(/^✅ This thread/);
    expect(boundTo("$Root")).toBe(CODER);
    expect(await unfocus(context("", { messageThreadId: "$Root", senderId: "@mallory:example.org" }))).toMatch(/Only @alice:example.org/);
    expect(await focus(context("scout", { messageThreadId: "$Root", senderId: "@mallory:example.org" }), runtime)).toMatch(/Only @alice:example.org/);
    expect(await unfocus(context("", { messageThreadId: "$Root" }))).toBe("✅ Conversation unbound.");
    expect(boundTo("$Root")).toBeUndefined();
    expect(await unfocus(context(""))).toMatch(/not bound/);
  });

  it("[BND-1] finds sessions of this conversation alone, by label or key; a whole key is enough", async () => {
    for (const token of ["secret", "cccc3333", "aa", "nothing"]) expect(await focus(context(token), runtime), token).toMatch(/^⚠️ No subagent or ACP session/);
    expect(await focus(context(HERE), runtime), "an ordinary session").toMatch(/^⚠️ No subagent/);
    expect(await focus(context(THEIRS, { messageThreadId: "$Root" }), runtime)).toMatch(/^✅/);
    const usage = await focus(context(""), runtime);
    expect(usage).toContain(`- Scout: ${SCOUT}`);
    expect(usage).not.toContain(THEIRS);
  });

  it("[BND-4] obeys spawnSessions and enabled", async () => {
    matrix.threadBindings = { spawnSessions: false };
    expect(await focus(context("scout"), runtime)).toMatch(/threadBindings.spawnSessions=true/);
    expect(await focus(context("scout", { messageThreadId: "$Root" }), runtime)).toMatch(/^✅/);
    matrix.threadBindings = { enabled: false };
    expect(await focus(context("scout", { messageThreadId: "$Other" }), runtime)).toMatch(/threadBindings.enabled=true/);
    expect(account.sent.filter((one) => one.type === "text" && one.threadRootId === undefined)).toEqual([]);
  });

  it.each([
    ["/focus scout", true],
    ["/unfocus", true],
    [" /Focus: x", true],
    ["/focused", false],
    ["focus on this", false],
  ])("[BND-1] %j is a command: %s", (text, yes) => {
    expect(isOwnCommand(text)).toBe(yes);
  });
});
