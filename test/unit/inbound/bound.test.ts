import { getSessionBindingService } from "openclaw/plugin-sdk/conversation-runtime";
import { afterEach, describe, expect, it } from "vitest";
import type { InboundMessage } from "../../../ts/native/account.ts";
import { ALICE, DM, ROOM, run, type Running } from "../support/running.ts";

const TARGET = "agent:main:subagent:0ddba11";
let running: Running | undefined;

async function start(matrix: Record<string, unknown> = {}): Promise<Running> {
  running = run({ matrix: { dm: { policy: "open", allowFrom: ["*"] }, groups: { [ROOM]: { requireMention: false } }, ...matrix } });
  await expect.poll(() => running?.status().lifecycle ?? running?.account.started, { timeout: 5000 }).toBeTruthy();
  return running;
}

afterEach(async () => {
  await running?.stop();
  running = undefined;
});

function bind(conversationId: string, parentConversationId?: string, targetSessionKey = TARGET) {
  return getSessionBindingService().bind({
    targetSessionKey,
    targetKind: targetSessionKey === TARGET ? "subagent" : "session",
    conversation: { channel: "matrix", accountId: "default", conversationId, parentConversationId },
    placement: "current",
  });
}

/** The session a message went to and the thread of its answer. */
async function answered(on: Running, event: Partial<Omit<InboundMessage, "type" | "seq">>) {
  const pushed = on.account.say("hello", event);
  await on.account.until(() => on.account.stateOf(pushed) === "settled");
  const sent = on.account.sent.findLast((one) => one.type === "text");
  return { session: on.host.turns.at(-1)?.sessionKey, thread: sent?.type === "text" ? sent.threadRootId : undefined };
}

describe("messages of a bound conversation", () => {
  it("[BND-1][BND-2] go to its session: the thread's, the direct message's, and nobody else's", async () => {
    const on = await start();
    await bind("$Root", ROOM);
    expect(await answered(on, { roomId: ROOM, threadRootId: "$Root" })).toEqual({ session: TARGET, thread: "$Root" });
    expect((await answered(on, { roomId: ROOM })).session).toBe("agent:main:matrix:channel:!room:example.org");
    expect((await answered(on, { roomId: ROOM, threadRootId: "$Other" })).session).toMatch(/:thread:\$Other$/);
    await bind(DM);
    expect(await answered(on, { roomId: DM, sender: ALICE })).toEqual({ session: TARGET, thread: undefined });
    await getSessionBindingService().unbind({ targetSessionKey: TARGET, reason: "manual" });
    expect((await answered(on, { roomId: DM, sender: ALICE })).session).toBe("agent:main:main");
  });

  it("[BND-2] a bound room is answered on its timeline whatever threadReplies says, a bound thread in itself", async () => {
    const always = await start({ threadReplies: "always" });
    await bind(ROOM);
    expect(await answered(always, { roomId: ROOM, eventId: "$mine" })).toEqual({ session: TARGET, thread: undefined });
    await running?.stop();
    const off = await start({ threadReplies: "off" });
    await bind(ROOM);
    expect(await answered(off, { roomId: ROOM, threadRootId: "$Any" })).toEqual({ session: TARGET, thread: undefined });
    await bind("$Root", ROOM);
    expect(await answered(off, { roomId: ROOM, threadRootId: "$Root" })).toEqual({ session: TARGET, thread: "$Root" });
  });

  it("[BND-1] the commands about a binding stay with the conversation's own session, and with its thread", async () => {
    const on = await start({ threadReplies: "off", groupAllowFrom: [ALICE] });
    await bind("$Root", ROOM);
    const pushed = on.account.say("/unfocus", { roomId: ROOM, threadRootId: "$Root", sender: ALICE });
    await on.account.until(() => on.account.stateOf(pushed) === "settled");
    const own = "agent:main:matrix:channel:!room:example.org:thread:$Root";
    expect(on.host.turns.at(-1)?.sessionKey).toBe(own);
    expect(on.host.turns.at(-1)?.ctx.extra).toMatchObject({ CommandSource: "native", CommandTargetSessionKey: own });
    expect(await answered(on, { roomId: ROOM, threadRootId: "$Root", sender: ALICE })).toEqual({ session: TARGET, thread: "$Root" });
  });

  it.each(["/new", "/reset: begin"])("[BND-9] %s in an ACP session's conversation is for that session and runs in another", async (text) => {
    const acp = "agent:codex:acp:0ddba11";
    const on = await start({ groupAllowFrom: [ALICE] });
    await bind("$Root", ROOM, acp);
    const place = { roomId: ROOM, threadRootId: "$Root", sender: ALICE };
    const pushed = on.account.say(text, place);
    await on.account.until(() => on.account.stateOf(pushed) === "settled");
    const turn = on.host.turns.at(-1);
    expect(turn?.sessionKey).toBe("agent:main:matrix:channel:!room:example.org:thread:$Root");
    expect(turn?.ctx.extra).toMatchObject({ CommandSource: "native", CommandTargetSessionKey: acp });
    expect(await answered(on, place)).toEqual({ session: acp, thread: "$Root" });
    expect(on.host.turns.at(-1)?.ctx.extra).not.toHaveProperty("CommandTargetSessionKey");
  });

  it("[BND-3] each message keeps the binding alive", async () => {
    const on = await start();
    const bound = await bind(ROOM);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await answered(on, { roomId: ROOM });
    const now = getSessionBindingService().resolveByConversation({ channel: "matrix", accountId: "default", conversationId: ROOM });
    expect(Number(now?.metadata?.lastActivityAt)).toBeGreaterThan(bound.boundAt);
  });
});
