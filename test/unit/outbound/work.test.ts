import { beforeEach, describe, expect, it } from "vitest";
import { namesSomebody, TurnReply } from "../../../ts/outbound/reply.ts";
import { writeSettings } from "../../../ts/outbound/settings.ts";
import { WorkLines } from "../../../ts/outbound/work.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import { FakeAccount } from "../support/fake-account.ts";

const ROOM = "!room:example.org";
let account: FakeAccount;
beforeEach(() => {
  account = new FakeAccount();
});

type Streaming = NonNullable<Parameters<typeof writeSettings>[0]["streaming"]>;

function start(streaming: Streaming) {
  const settings = writeSettings({ streaming });
  const reply = new TurnReply({ account: () => account, target: { roomId: ROOM }, settings, turnKey: "in:$e", chunk: (text) => [text], onError: () => undefined, draftPatienceMs: 50 });
  const lines: string[] = [];
  const work = new WorkLines({ settings, seed: "s", show: (text) => (lines.push(text), reply.work(text)) });
  return { reply, work, lines };
}

const item = (phase: string) => ({ itemId: "i1", toolCallId: "c1", kind: "tool", name: "read", title: "read", phase, status: "running" });

describe("what the agent does, in the draft", () => {
  it("[STR-6] a tool is a line of the draft until the answer begins, then the same message is the answer", async () => {
    const { reply, work, lines } = start({ mode: "partial" });
    await work.options.onItemEvent?.(item("start"));
    await account.until(() => account.sent.length === 1);
    expect(lines.at(-1)).toMatch(/read/i);
    expect(account.sent[0]).toMatchObject({ type: "text", kind: "text", live: true, markdown: lines.at(-1) });
    reply.partial("The answer");
    expect(reply.work("• late")).toBe(false);
    await reply.deliver({ text: "The answer." }, "final");
    await reply.finish();
    expect(account.sent.at(-1)).toMatchObject({ type: "edit", eventId: "$out1", markdown: "The answer.", draft: false });
  });

  it("[STR-6] switched off, and where somebody has asked for the host's own messages, no line is drafted", async () => {
    const off = start({ mode: "partial", preview: { toolProgress: false } });
    await off.work.options.onItemEvent?.(item("start"));
    const verbose = start({ mode: "partial" });
    verbose.work.options.onVerboseProgressVisibility?.(() => true);
    await verbose.work.options.onItemEvent?.(item("start"));
    expect([off.lines, verbose.lines]).toEqual([[], []]);
  });

  it("[STR-4][PSH-1] in progress mode the draft is a notice of work alone, and its last edit carries the mark", async () => {
    const { reply, work } = start({ mode: "progress", progress: { label: "On it", toolProgress: true } });
    expect(work.options).toMatchObject({ suppressDefaultToolProgressMessages: true, progressPreambleEnabled: true, narrationHideCommandText: true });
    await work.options.onItemEvent?.(item("start"));
    reply.partial("Never drafted");
    await account.until(() => account.sent.length === 1);
    expect(account.sent[0]).toMatchObject({ kind: "notice", markdown: expect.stringContaining("On it") as string });
    await reply.deliver({ text: "First part." }, "block");
    await reply.deliver({ text: "The answer." }, "final");
    await reply.finish();
    expect(account.sent.slice(1)).toMatchObject([
      { type: "text", markdown: "First part." },
      { type: "edit", eventId: "$out1", markdown: "The answer.", kind: "notice", finalized: true },
    ]);
  });
});

describe("blocks and drafts", () => {
  it("[STR-5] a finished block is the draft's last edit, and the next draft goes on behind it", async () => {
    const { reply } = start({ mode: "partial", block: { enabled: true } });
    reply.partial("One");
    await account.until(() => account.sent.length === 1);
    await reply.deliver({ text: "One." }, "block");
    reply.partial("One.\n\nTwo");
    await account.until(() => account.sent.length === 3);
    await reply.deliver({ text: "Two." }, "final");
    await reply.finish();
    expect(account.sent.map((one) => ("markdown" in one ? [one.type, one.markdown] : one.type))).toEqual([["text", "One"], ["edit", "One."], ["text", "Two"], ["edit", "Two."]]);
  });
});

describe("a turn that runs again", () => {
  it("[OUT-7][STR-5] goes on with the same events, whichever parts were drafted the first time", async () => {
    const first = start({ mode: "partial", block: { enabled: true } }).reply;
    await first.deliver({ text: "One." }, "block");
    first.partial("One.\n\nTwo");
    await account.until(() => account.sent.length === 2);
    await first.deliver({ text: "Two." }, "final");
    const before = account.sent.length;
    const again = start({ mode: "partial", block: { enabled: true } }).reply;
    again.partial("One");
    await account.until(() => account.sent.length === before + 1);
    await again.deliver({ text: "One." }, "block");
    await again.deliver({ text: "Two." }, "final");
    await again.finish();
    // The draft of the part that was a message of its own is taken back; nothing is said twice.
    expect(account.sent.slice(before)).toMatchObject([{ type: "text", markdown: "One", live: true }, { type: "redaction", eventId: "$out4" }]);
  });
});

describe("finals that are no edit", () => {
  it.each([
    ["@person:example.org, look", true],
    ["look (@person:example.org)", true],
    ["[you](https://matrix.to/#/@person:example.org)", true],
    ["@room: dinner", true],
    ["mail me@example.org", false],
    ["a@b:c and `x`", false],
    ["@everybody", false],
  ])("[STR-7] %s calls somebody: %s", (text, calls) => {
    expect(namesSomebody(text)).toBe(calls);
  });

  it("[STR-7] one that calls somebody is a message of its own, and the draft goes after it", async () => {
    const { reply } = start({ mode: "partial" });
    reply.partial("I ask");
    await account.until(() => account.sent.length === 1);
    await reply.deliver({ text: "I ask @person:example.org." }, "final");
    await reply.finish();
    expect(account.sent).toMatchObject([{ type: "text", markdown: "I ask" }, { type: "text", markdown: "I ask @person:example.org." }, { type: "redaction", eventId: "$out1" }]);
  });

  it("[STR-7] if the replacement does not get out, the draft stays", async () => {
    const { reply } = start({ mode: "partial" });
    reply.partial("I ask");
    await account.until(() => account.sent.length === 1);
    account.sendError = new MatrixError("forbidden", "no");
    await expect(reply.deliver({ text: "I ask @person:example.org." }, "final")).rejects.toThrow("no");
    account.sendError = undefined;
    await reply.finish();
    expect(account.sent).toHaveLength(1);
  });

  it("[STR-7] a draft that cannot be completed is taken back once its replacement is out", async () => {
    const { reply } = start({ mode: "partial" });
    reply.partial("hel");
    await account.until(() => account.sent.length === 1);
    account.editText = async () => {
      throw new MatrixError("forbidden", "no edits here");
    };
    expect(await reply.deliver({ text: "hello" }, "final")).toMatchObject({ messageIds: ["$out2"] });
    expect(account.sent).toMatchObject([{ markdown: "hel" }, { markdown: "hello" }, { type: "redaction", eventId: "$out1" }]);
  });
});
