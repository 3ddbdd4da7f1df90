import { beforeEach, describe, expect, it } from "vitest";
import { createMessageActions } from "../../../ts/actions/index.ts";
import { resolveMatrixAccount } from "../../../ts/config/accounts.ts";
import type { ChannelMessageActionContext, ChannelMessageUnknownSendContext, ChannelOutboundContext, OpenClawConfig } from "../../../ts/host/types.ts";
import { createOutboundAdapter, deliveryKey, type FindAccount, reconcileUnknownSend } from "../../../ts/outbound/adapter.ts";
import { findAccount } from "../../../ts/gateway/find.ts";
import { threading } from "../../../ts/outbound/messaging.ts";
import { FakeAccount } from "../support/fake-account.ts";
import { LOGIN } from "../support/running.ts";

const cfg = { channels: { matrix: LOGIN } } as OpenClawConfig;
let account: FakeAccount;
const find: FindAccount = (config, accountId) => ({ account, resolved: resolveMatrixAccount(config, accountId) });

beforeEach(() => {
  account = new FakeAccount();
});

function send(ctx: Partial<ChannelOutboundContext>) {
  return createOutboundAdapter(find).sendText?.({ cfg, to: "room:!room:example.org", text: "hello", ...ctx });
}

describe("sends of the host", () => {
  it("[SES-9] go to the room, the thread and the quoted message", async () => {
    const result = await send({ threadId: "$root", replyToId: "$quoted" });
    expect(account.sent[0]).toMatchObject({ type: "text", roomId: "!room:example.org", threadRootId: "$root", replyToId: "$quoted", markdown: "hello" });
    expect(result).toMatchObject({ channel: "matrix", messageId: "$out1", receipt: { platformMessageIds: ["$out1"] } });
  });

  it("[SES-10] to a person find their DM, or make one", async () => {
    account.room("!dm:example.org", { directTargets: ["@u:example.org"] });
    await send({ to: "user:@u:example.org" });
    await send({ to: "user:@new:example.org" });
    expect(account.sent.map((one) => one.roomId)).toEqual(["!dm:example.org", "!dm-new-example.org:example.org"]);
  });

  it("[SES-9] to an alias go to the room behind it, and to none say so", async () => {
    account.aliases.set("#team:example.org", { roomId: "!team:example.org", via: [] });
    await send({ to: "#team:example.org" });
    expect(account.sent[0]?.roomId).toBe("!team:example.org");
    await expect(send({ to: "#none:example.org" })).rejects.toThrow("#none:example.org");
    await expect(send({ to: "somebody" })).rejects.toThrow("@user:server");
  });

  it("[OUT-7] a delivery driven again makes no second event", async () => {
    const delivery = { deliveryQueueId: "q1", deliveryPartIndex: 0 };
    const first = await send(delivery);
    const second = await send(delivery);
    expect(second?.messageId).toBe(first?.messageId);
    await send({ deliveryQueueId: "q1", deliveryPartIndex: 1 });
    expect(account.sent).toHaveLength(2);
  });

  it("two sends without a delivery of their own are two sends", () => {
    expect(deliveryKey({})).not.toBe(deliveryKey({}));
  });

  it("[OUT-7] the host's fences are asked right before the send, and a withdrawn send is not made", async () => {
    const order: string[] = [];
    await send({ onPlatformSendDispatch: async () => void order.push("dispatch"), assertDirectAdapterHandoff: () => void order.push("handoff") });
    expect(order).toEqual(["dispatch", "handoff"]);
    const withdrawn = send({
      assertDirectAdapterHandoff: () => {
        throw new Error("withdrawn");
      },
    });
    await expect(withdrawn).rejects.toThrow("withdrawn");
    const aborted = send({ signal: AbortSignal.abort() });
    await expect(aborted).rejects.toThrow();
    expect(account.sent).toHaveLength(1);
  });

  it("[OUT-7] what became of a lost send is read from the outbox", async () => {
    const ask = (queueId: string) => reconcileUnknownSend(find, { cfg, queueId, channel: "matrix", to: "room:!room:example.org", enqueuedAt: 0, retryCount: 0, payloads: [] } as ChannelMessageUnknownSendContext);
    await send({ deliveryQueueId: "sent", deliveryPartIndex: 0 });
    expect(await ask("sent")).toMatchObject({ status: "sent", messageId: "$out1" });
    expect(await ask("never")).toEqual({ status: "not_sent" });
    account.outboxEntry = async (key) => ({ key, state: "queued", eventIds: [], inDoubt: false });
    expect(await ask("waiting")).toMatchObject({ status: "unresolved", retryable: true });
    account.outboxEntry = async (key) => ({ key, state: "failed", eventIds: ["$part"], inDoubt: false, error: "too large" });
    expect(await ask("half")).toMatchObject({ status: "unresolved", retryable: false, error: "too large" });
    account.outboxEntry = async (key) => ({ key, state: "failed", eventIds: [], inDoubt: false, error: "forbidden" });
    expect(await ask("refused")).toEqual({ status: "not_sent" });
    account.outboxEntry = async (key) => ({ key, state: "failed", eventIds: [], inDoubt: true, error: "no answer" });
    expect(await ask("doubt")).toMatchObject({ status: "unresolved", retryable: false, error: expect.stringContaining("outbox list") });
  });

  it("[OUT-10] outside the gateway a send fails with the way out, and touches no store", () => {
    expect(() => findAccount(cfg)).toThrow(/openclaw gateway run/);
    expect(() => findAccount(cfg, "nobody")).toThrow(/There is no Matrix account "nobody"/);
  });

  it("[THR-7] a send into the agent's own room stays in its thread, elsewhere not", () => {
    const toolContext = { currentChannelId: "room:!room:example.org", currentThreadTs: "$root" };
    expect(threading.resolveAutoThreadId?.({ cfg, to: "matrix:room:!room:example.org", toolContext })).toBe("$root");
    expect(threading.resolveAutoThreadId?.({ cfg, to: "room:!other:example.org", toolContext })).toBeUndefined();
  });
});

describe("message actions", () => {
  const actions = () => createMessageActions(find, () => false);
  const perform = (action: "send" | "react", params: Record<string, unknown>, rest: Partial<ChannelMessageActionContext> = {}) =>
    actions().handleAction?.({ channel: "matrix", action, cfg, params, ...rest } as ChannelMessageActionContext);

  it("[OUT-10] run in the gateway, whoever asks", () => {
    expect(actions().resolveExecutionMode?.({ action: "send" })).toBe("gateway");
  });

  it("[ACT-1] send answers with the event's id", async () => {
    expect(await perform("send", { to: "!room:example.org", message: "hello" })).toMatchObject({ details: { ok: true, messageId: "$out1", roomId: "!room:example.org" } });
  });

  it("[THR-7] send into the agent's own room inherits its thread; a stated thread wins", async () => {
    const toolContext = { currentMessagingTarget: "room:!room:example.org", currentThreadTs: "$root" };
    await perform("send", { to: "room:!room:example.org", message: "a" }, { toolContext });
    await perform("send", { to: "room:!room:example.org", message: "b", threadId: "$other" }, { toolContext });
    expect(account.sent.map((one) => one.type === "text" && one.threadRootId)).toEqual(["$root", "$other"]);
  });

  it("[ACT-3] react puts the emoji on the stated message, or on the one the agent answers", async () => {
    await perform("react", { to: "!room:example.org", messageId: "$m", emoji: "👍" });
    await perform("react", { emoji: "🎉" }, { toolContext: { currentChannelId: "room:!room:example.org", currentMessageId: "$current" } });
    expect(account.sent).toMatchObject([
      { type: "reaction", roomId: "!room:example.org", eventId: "$m", emoji: "👍" },
      { type: "reaction", eventId: "$current", emoji: "🎉" },
    ]);
    await expect(perform("react", { to: "!room:example.org", emoji: "👍" })).rejects.toThrow("messageId");
  });

  it("an action that is switched off is neither offered nor done, and names its key", async () => {
    const off = { channels: { matrix: { ...LOGIN, actions: { messages: false } } } } as OpenClawConfig;
    const offered = actions().describeMessageTool({ cfg: off })?.actions;
    expect(offered).toContain("react");
    for (const action of ["send", "read", "edit", "delete", "poll", "poll-vote"]) expect(offered).not.toContain(action);
    await expect(perform("send", { to: "!room:example.org", message: "x" }, { cfg: off })).rejects.toThrow("channels.matrix.actions.messages");
  });
});
