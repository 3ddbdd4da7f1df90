import { afterEach, describe, expect, it } from "vitest";
import type { InboundMessage } from "../../../ts/native/account.ts";
import { echo } from "../support/fake-host.ts";
import { ALICE, DM, ROOM, run, type Running, type RunOptions } from "../support/running.ts";

let running: Running | undefined;

function start(matrix: Record<string, unknown> = {}, options: RunOptions = {}): Running {
  running = run({ ...options, matrix: { dm: { policy: "open", allowFrom: ["*"] }, groups: { [ROOM]: { requireMention: false } }, ...matrix } });
  return running;
}

afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function settled(on: Running, text: string, event: Partial<Omit<InboundMessage, "type" | "seq">>): Promise<InboundMessage> {
  const pushed = on.account.say(text, event);
  await on.account.until(() => on.account.stateOf(pushed) === "settled");
  return pushed;
}

/** Where the last text went. */
function lastText(on: Running) {
  const sent = on.account.sent.filter((one) => one.type === "text").at(-1);
  if (sent?.type !== "text") throw new Error("nothing was sent");
  return sent;
}

describe("threads", () => {
  const cases: [string, Record<string, unknown>, string, boolean, string | undefined][] = [
    ["off, in a thread", { threadReplies: "off" }, ROOM, true, undefined],
    ["off, on the timeline", { threadReplies: "off" }, ROOM, false, undefined],
    ["inbound, in a thread", { threadReplies: "inbound" }, ROOM, true, "$Root"],
    ["inbound, on the timeline", {}, ROOM, false, undefined],
    ["always, in a thread", { threadReplies: "always" }, ROOM, true, "$Root"],
    ["always, on the timeline", { threadReplies: "always" }, ROOM, false, "$Mine"],
  ];
  for (const [title, matrix, roomId, threaded, target] of cases) {
    it(`[THR-1] ${title}: the reply goes to ${target ?? "the timeline"}`, async () => {
      const on = start(matrix);
      await settled(on, "hello", { roomId, eventId: "$Mine", ...(threaded ? { threadRootId: "$Root" } : {}) });
      expect(lastText(on)).toMatchObject({ roomId, markdown: "echo: hello" });
      expect(lastText(on).threadRootId).toBe(target);
      const key = on.host.turns[0]?.sessionKey ?? "";
      if (target) expect(key).toMatch(new RegExp(`:thread:\\${target}$`));
      else expect(key).not.toContain(":thread:");
    });
  }

  it("[THR-2] dm.threadReplies has the last word in DMs", async () => {
    const on = start({ threadReplies: "always", dm: { policy: "open", allowFrom: ["*"], threadReplies: "off" } });
    await settled(on, "hello", { roomId: DM });
    expect(lastText(on).threadRootId).toBeUndefined();
  });

  it("[THR-10] a room's threadReplies has the last word in that room", async () => {
    const on = start({ threadReplies: "off", groups: { [ROOM]: { requireMention: false, threadReplies: "always" } } });
    await settled(on, "hello", { roomId: ROOM, eventId: "$mine" });
    expect(lastText(on).threadRootId).toBe("$mine");
  });

  it("[THR-5] a thread's first turn is given the message it began with", async () => {
    const on = start();
    on.account.messages.set(`${ROOM} $root`, { eventId: "$root", sender: ALICE, senderName: "Alice", originServerTs: 1, kind: "text", text: "the plan" });
    await settled(on, "hello", { roomId: ROOM, threadRootId: "$root" });
    expect(on.host.turns[0]?.ctx.supplemental).toMatchObject({ thread: { id: "$root", starterBody: "Alice: the plan" } });
  });

  it("[THR-6] a reply is given what it answers, at most 500 characters", async () => {
    const on = start();
    on.account.messages.set(`${ROOM} $old`, { eventId: "$old", sender: "@dave:example.org", senderName: "Dave", originServerTs: 1, kind: "text", text: "x".repeat(900) });
    await settled(on, "hello", { roomId: ROOM, replyToId: "$old" });
    expect(on.host.turns[0]?.ctx.supplemental).toMatchObject({ quote: { sender: "Dave", body: `${"x".repeat(499)}…` } });
  });
});

describe("sessions", () => {
  it("[SES-1] a DM's session is the agent's main one", async () => {
    const on = start();
    await settled(on, "hello", { roomId: DM });
    expect(on.host.turns[0]?.sessionKey).toBe("agent:main:main");
  });

  it("[SES-1] session.dmScope makes a session of its own for each person", async () => {
    const on = start({}, { rest: { session: { dmScope: "per-channel-peer" } } });
    await settled(on, "hello", { roomId: DM });
    expect(on.host.turns[0]?.sessionKey).toBe(`agent:main:matrix:direct:${ALICE}`);
  });

  it("[SES-2] a room's session is named by the room's id", async () => {
    const on = start();
    await settled(on, "hello", { roomId: ROOM });
    expect(on.host.turns[0]?.sessionKey).toBe(`agent:main:matrix:channel:${ROOM}`);
  });

  it("[SES-4] dm.sessionScope per-room makes a session of each DM room", async () => {
    const on = start({ dm: { policy: "open", allowFrom: ["*"], sessionScope: "per-room" } });
    await settled(on, "hello", { roomId: DM });
    expect(on.host.turns[0]?.sessionKey).toBe(`agent:main:matrix:channel:${DM}`);
  });

  it("[SES-7] the reply's target keeps the room id's case", async () => {
    const on = start();
    on.account.room("!MixedCase:example.org", { directTargets: [ALICE], otherMembers: [ALICE] });
    await settled(on, "hello", { roomId: "!MixedCase:example.org" });
    expect(on.host.turns[0]?.ctx.reply).toMatchObject({ to: "room:!MixedCase:example.org" });
    expect(lastText(on).roomId).toBe("!MixedCase:example.org");
  });

  it("[SES-13] the prompt carries the event's id and room; a command does not", async () => {
    const on = start();
    await settled(on, "hello", { roomId: DM, eventId: "$hello" });
    await settled(on, "/status", { roomId: DM });
    expect(on.host.prompts()[0]).toBe(`hello\n[matrix event id: $hello room: ${DM}]`);
    expect(on.host.prompts()[1]).toBe("/status");
  });

  it("[HIS-5] the prompt carries the sender's and the room's names", async () => {
    const on = start();
    await settled(on, "hello", { roomId: ROOM });
    expect(on.host.turns[0]?.ctx).toMatchObject({ sender: { id: ALICE, name: "Alice" }, conversation: { label: "Team" }, extra: { GroupSubject: "Team" } });
  });
});

describe("the inbox", () => {
  it("[SES-11] an event is settled when it is answered", async () => {
    const on = start();
    const event = await settled(on, "hello", { roomId: DM });
    expect(on.account.stateOf(event)).toBe("settled");
  });

  it("[SES-11] it is adopted, not settled, while the agent works", async () => {
    const on = start();
    let finish: () => void = () => undefined;
    const working = new Promise<void>((resolve) => (finish = resolve));
    on.host.script = async (_turn, { deliver }) => {
      await working;
      await deliver({ text: "done" });
    };
    const event = on.account.say("hello", { roomId: DM });
    await on.account.until(() => on.account.stateOf(event) === "adopted");
    expect(on.account.texts()).toEqual([]);
    finish();
    await on.account.until(() => on.account.stateOf(event) === "settled");
    expect(on.account.texts()).toEqual(["done"]);
  });

  it("[HST-3] a turn that fails is tried three times, then kept with its cause", async () => {
    const on = start();
    on.host.script = async () => {
      throw new Error("the model is on strike");
    };
    const event = on.account.say("hello", { roomId: DM });
    await on.account.until(() => on.account.stateOf(event) === "dead");
    // The host takes a second turn under one message id for a repetition, and answers nothing.
    const [first = ""] = on.host.turns.map((turn) => turn.ctx.messageId as string);
    expect(on.host.turns.map((turn) => turn.ctx.messageId)).toEqual([first, `${first}#1`, `${first}#2`]);
    expect(on.account.reasonOf(event)).toBe("the model is on strike");
    expect(on.log.filter((line) => line.startsWith("error")).join("\n")).toContain("dead letter");
  });

  /** As the host throws it: a class of its own that it does not export. */
  function named(name: string, message: string): Error {
    return Object.assign(new Error(message), { name });
  }

  for (const [what, refusal] of [
    ["drains", () => named("GatewayDrainingError", "Gateway is draining; new tasks are not accepted")],
    ["recovers the session", () => new Error("the turn did not begin", { cause: new Error("restart recovery claim changed before agent adoption") })],
    ["changes the session", () => Object.assign(new Error("Retry."), { code: "SESSION_WORK_START_CHANGED" })],
  ] as const) {
    it(`[SES-11][INS-11] a turn refused because the host ${what} keeps its place and costs no try`, async () => {
      const on = start();
      let refusals = 0;
      on.host.admit = () => {
        if (refusals++ < 12) throw refusal();
      };
      const first = on.account.say("first", { roomId: DM });
      const second = on.account.say("second", { roomId: DM });
      await on.account.until(() => on.account.stateOf(second) === "settled");
      expect(on.account.stateOf(first)).toBe("settled");
      expect(on.account.texts()).toEqual(["echo: first", "echo: second"]);
      expect(on.log.join("\n")).not.toMatch(/tried again|dead letter/);
    });
  }

  it("[SES-11][INS-11] a turn cut off by the gateway's end is not told to try again: it comes again at the next start", async () => {
    const on = start();
    on.host.script = async (_turn, { deliver }) => {
      await deliver({ text: "⚠️ Gateway is restarting. Please wait a few seconds and try again." });
    };
    const event = on.account.say("hello", { roomId: DM });
    await on.account.until(() => on.log.some((line) => line.includes("waits for the gateway's next start")));
    expect(on.account.stateOf(event)).toBe("adopted");
    expect(on.account.texts()).toEqual([]);
    on.host.script = echo;
    on.account.restartInbox();
    await on.account.until(() => on.account.stateOf(event) === "settled");
    expect(on.account.texts()).toEqual(["echo: hello"]);
  });

  it("[HST-3] an error instead of an answer fails the turn; the person hears of it once it is given up", async () => {
    const on = start();
    on.host.script = async (_turn, { deliver }) => {
      await deliver({ text: "The model does not answer.", isError: true });
      // What the host adds where nothing was delivered is no answer either.
      await deliver({ text: "⚠️ OpenClaw couldn't produce or deliver a reply. Please try again. Reference: 1." });
    };
    const event = on.account.say("hello", { roomId: DM });
    await on.account.until(() => on.account.stateOf(event) === "dead" && on.account.sent.length > 0);
    expect(on.host.turns).toHaveLength(3);
    expect(on.account.reasonOf(event)).toBe("The model does not answer.");
    expect(on.account.sent).toMatchObject([{ type: "text", kind: "notice", markdown: "The model does not answer." }]);
  });

  it.each([
    "⚠️ OpenClaw couldn't produce or deliver a reply. Please try again.",
    "⚠️ Agent run failed (model: stub/stub-1).",
    "⚠️ stub/stub-1 request failed (provider internal error, HTTP 500). This is usually temporary — try again shortly.",
    "⚠️ LLM request failed.",
  ])("[SES-11] the host's word that no reply came about is no answer, the message is tried again: %s", async (text) => {
    const on = start();
    on.host.script = async (turn, tools) => {
      if (on.host.turns.length > 1) return echo(turn, tools);
      await tools.deliver({ text });
    };
    const event = on.account.say("hello", { roomId: DM });
    await on.account.until(() => on.account.stateOf(event) === "settled");
    expect(on.account.texts()).toEqual(["echo: hello"]);
  });

  it("[HST-3] an error beside an answer, after a tool, or of a command is said and nothing runs again", async () => {
    const on = start();
    on.host.script = async (turn, { deliver, plan }) => {
      const asked = turn.ctx.message.commandBody;
      if (asked === "tool") (plan.replyOptions as unknown as { onToolStart: () => void }).onToolStart();
      await deliver({ text: `error of ${asked}`, isError: true });
      if (asked === "beside") await deliver({ text: "the answer" });
    };
    for (const text of ["beside", "tool", "/status"]) {
      const event = on.account.say(text, { roomId: DM });
      await on.account.until(() => on.account.stateOf(event) === "settled");
    }
    expect(on.account.texts()).toEqual(["error of beside", "the answer", "error of tool", "error of /status"]);
    expect(on.host.turns).toHaveLength(3);
  });

  it("[SES-11] a turn that ran twice makes one event", async () => {
    const on = start();
    on.host.script = async (_turn, { deliver }) => {
      await deliver({ text: "the answer" });
      if (on.host.turns.length === 1) throw new Error("crashed after the answer was stored");
    };
    const event = on.account.say("hello", { roomId: DM });
    await on.account.until(() => on.account.stateOf(event) === "settled");
    expect(on.host.turns).toHaveLength(2);
    expect(on.account.texts()).toEqual(["the answer"]);
  });

  it("[SES-11] the same event id in two rooms is two messages, each answered", async () => {
    const on = start({ groups: { [ROOM]: { requireMention: false } } });
    for (const roomId of [DM, ROOM]) await settled(on, "hello", { roomId, sender: ALICE, eventId: "$same" });
    const answered = on.account.sent.map((one) => one.type === "text" && [one.roomId, one.markdown]);
    expect(answered).toEqual([[DM, "echo: hello"], [ROOM, "echo: hello"]]);
  });

  it("[SES-11] silence by the agent's decision settles too", async () => {
    const on = start();
    on.host.script = async () => undefined;
    const event = await settled(on, "hello", { roomId: DM });
    expect(on.account.stateOf(event)).toBe("settled");
    expect(on.account.sent).toEqual([]);
  });

  it("conversations do not wait for each other, messages of one keep their order", async () => {
    const on = start();
    let finish: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => (finish = resolve));
    on.host.script = async (turn, { deliver }) => {
      if (turn.ctx.message.commandBody === "slow") await slow;
      await deliver({ text: turn.ctx.message.commandBody });
    };
    const first = on.account.say("slow", { roomId: DM });
    const other = on.account.say("other", { roomId: ROOM });
    await on.account.until(() => on.account.stateOf(other) === "settled");
    expect(on.account.stateOf(first)).toBe("adopted");
    finish();
    await on.account.until(() => on.account.stateOf(first) === "settled");
    expect(on.account.texts()).toEqual(["other", "slow"]);
  });

  it("[SES-12] a later edit starts no answer", async () => {
    const on = start();
    const edit = on.account.push({ type: "edit", roomId: DM, targetId: "$in1", body: "new", text: "new", live: false });
    await on.account.until(() => on.account.stateOf(edit) === "settled");
    expect(on.host.turns).toHaveLength(0);
  });

  it("[SES-12] a message edited before it was seen is answered once, with its newest text", async () => {
    const on = start();
    await settled(on, "newest", { roomId: DM, editedBy: "$edit" });
    expect(on.account.texts()).toEqual(["echo: newest"]);
  });

  it("an event kind without text is settled in silence", async () => {
    const on = start();
    const reaction = on.account.push({ type: "reaction", roomId: DM, targetId: "$x", key: "👍" });
    const unknown = on.account.say("", { roomId: DM, kind: "unknown" });
    await on.account.until(() => on.account.stateOf(reaction) === "settled" && on.account.stateOf(unknown) === "settled");
    expect(on.host.turns).toHaveLength(0);
  });
});

describe("signs of life", () => {
  it("[TYP-1] typing is on while the agent works and off after it", async () => {
    const on = start();
    await settled(on, "hello", { roomId: DM });
    expect(on.account.typing).toEqual([
      { roomId: DM, typing: true },
      { roomId: DM, typing: false },
    ]);
  });

  for (const [mode, kind] of [["public", "public"], ["private", "private"]] as const) {
    it(`[REC-1] readReceipts: ${mode} sends a threaded ${kind} receipt when the turn is adopted`, async () => {
      const on = start({ readReceipts: mode });
      await settled(on, "hello", { roomId: ROOM, eventId: "$e", threadRootId: "$root" });
      expect(on.account.receipts).toEqual([{ roomId: ROOM, eventId: "$e", threadRootId: "$root", kind }]);
    });
  }

  it("[REC-1] readReceipts: off sends none, and an unanswered message gets none", async () => {
    const on = start({ readReceipts: "off" });
    await settled(on, "hello", { roomId: DM });
    on.host.setMatrix({ homeserver: "https://example.org", accessToken: "x" });
    await settled(on, "hello", { roomId: ROOM });
    expect(on.account.receipts).toEqual([]);
  });
});

describe("reasons", () => {
  it("[STA-4] a cause is said once for each room, with its code and key, and never with the text", async () => {
    const on = start({ groups: {} });
    await settled(on, "my secret", { roomId: ROOM });
    await settled(on, "my secret", { roomId: ROOM });
    const lines = on.log.filter((line) => line.startsWith("info") && line.includes("room_not_listed"));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("channels.matrix.groups");
    expect(on.log.join("\n")).not.toContain("my secret");
  });
});
