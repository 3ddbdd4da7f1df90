import { beforeEach, describe, expect, it } from "vitest";
import { MatrixError } from "../../../ts/native/errors.ts";
import { Draft } from "../../../ts/outbound/draft.ts";
import { FileNotLoaded } from "../../../ts/outbound/media.ts";
import { TurnReply } from "../../../ts/outbound/reply.ts";
import { writeSettings } from "../../../ts/outbound/settings.ts";
import { FakeAccount, type Outgoing } from "../support/fake-account.ts";

const ROOM = "!room:example.org";
let account: FakeAccount;
let errors: string[];
let loaded: string[];

beforeEach(() => {
  account = new FakeAccount();
  errors = [];
  loaded = [];
});

function reply(config: Parameters<typeof writeSettings>[0] = {}, turnKey = "in:$e"): TurnReply {
  return new TurnReply({
    account: () => account,
    target: { roomId: ROOM, threadRootId: "$root" },
    settings: writeSettings(config),
    turnKey,
    loadFile: async (source) => {
      loaded.push(source);
      if (!source.startsWith("/ok/")) throw new FileNotLoaded(`${source.split("/").at(-1)} could not be attached: it lies elsewhere`);
      return { bytes: Buffer.from(source), filename: source.slice(4), mimetype: "image/png" };
    },
    chunk: (text, limit) => text.match(new RegExp(`[\\s\\S]{1,${limit}}`, "g")) ?? [],
    onError: (text) => errors.push(text),
    draftPatienceMs: 50,
  });
}

function kinds(): string[] {
  return account.sent.map((one) => one.type);
}

async function shown(count: number): Promise<void> {
  await account.until(() => account.sent.length >= count);
}

describe("replies", () => {
  it("[THR-1] stay in the thread and carry the account's settings", async () => {
    await reply({ textChunkLimit: 100, streaming: { chunkMode: "newline" }, markdown: { tables: "bullets" } }).deliver({ text: "hello" }, "final");
    expect(account.sent[0]).toMatchObject({ type: "text", roomId: ROOM, threadRootId: "$root", markdown: "hello", kind: "text", chunkLimit: 100, chunkMode: "newline", tables: "bullets" });
  });

  it("[OUT-3] without keys the limit is 4000, by length, with native tables", () => {
    expect(writeSettings({})).toMatchObject({ chunkLimit: 4000, chunkMode: "length", tables: "block", streaming: "off", replyToMode: "off" });
  });

  it("[THR-3] a reply's quote is an event's", async () => {
    await reply().deliver({ text: "a", replyToId: "$quoted" }, "final");
    await reply({}, "in:$f").deliver({ text: "b", replyToId: "42" }, "final");
    expect(account.sent.map((one) => one.type === "text" && one.replyToId)).toEqual(["$quoted", undefined]);
  });

  it.each([
    ["first", ["$quoted"]],
    ["all", ["$quoted", "$quoted", "$quoted"]],
  ] as const)("[THR-3] with replyToMode %s a long answer quotes in as many parts, each sent once however often the turn runs", async (replyToMode, quotes) => {
    for (let run = 0; run < 2; run++) await reply({ textChunkLimit: 4, replyToMode }).deliver({ text: "one two thr", replyToId: "$quoted" }, "final");
    expect(account.sent.map((one) => one.type === "text" && one.replyToId)).toEqual(quotes);
    expect(account.texts().join("")).toBe("one two thr");
  });

  it("[OUT-7] the same turn run again sends nothing twice", async () => {
    for (let run = 0; run < 2; run++) {
      const turn = reply();
      await turn.deliver({ text: "one" }, "block");
      await turn.deliver({ text: "two" }, "final");
    }
    expect(account.texts()).toEqual(["one", "two"]);
  });

  it("[OUT-12] reasoning goes out as a notice, beside the answer", async () => {
    const turn = reply();
    await turn.deliver({ text: "thinking", isReasoning: true }, "final");
    await turn.deliver({ text: "answer" }, "final");
    expect(account.sent.map((one) => one.type === "text" && one.kind)).toEqual(["notice", "text"]);
  });

  it("[PRE-1] blocks of an answer are in its event, in a streamed one in its last edit", async () => {
    const presentation = { blocks: [{ type: "context" as const, text: "small" }] };
    const turn = reply({ streaming: { mode: "partial" } });
    turn.partial("Answ");
    await shown(1);
    await turn.deliver({ text: "Answer", presentation }, "final");
    expect(account.sent.at(-1)).toMatchObject({ type: "edit", draft: false, markdown: "Answer\n\nsmall", extra: { "com.openclaw.presentation": { version: 1 } } });
    await reply().deliver({ presentation }, "block");
    expect(account.sent.at(-1)).toMatchObject({ type: "text", markdown: "small", extra: { "com.openclaw.presentation": { type: "message.presentation" } } });
  });

  it("an empty reply sends nothing and says so", async () => {
    expect(await reply().deliver({ text: "  " }, "final")).toMatchObject({ visibleReplySent: false, messageIds: [] });
    expect(account.sent).toEqual([]);
  });

  it("[OUT-7] a refused send is told to the host as never sent", async () => {
    account.sendError = new MatrixError("forbidden", "you may not write here");
    await expect(reply().deliver({ text: "hello" }, "final")).rejects.toMatchObject({ name: "PlatformMessageNotDispatchedError", message: "you may not write here" });
  });

  it("[OUT-7] a send that got half way is told as partly delivered", async () => {
    account.sendError = new MatrixError("forbidden", "you may not write here");
    account.outboxEntry = async (key) => ({ key, state: "failed", eventIds: ["$half"], inDoubt: false });
    const failure = await reply().deliver({ text: "hello" }, "final").catch((error: unknown) => error);
    expect(failure).toMatchObject({ sentBeforeError: true, deliveryResult: { content: "hello", receipt: { platformMessageIds: ["$half"] } } });
  });

  it("[OUT-7] a send in doubt keeps its own error", async () => {
    const doubt = new MatrixError("network", "connection reset");
    account.sendError = doubt;
    account.outboxEntry = async (key) => ({ key, state: "queued", eventIds: [], inDoubt: false });
    await expect(reply().deliver({ text: "hello" }, "final")).rejects.toBe(doubt);
  });
});

describe("streaming", () => {
  const partial = { streaming: { mode: "partial" as const } };

  it("[STR-1] off sends one message", async () => {
    const turn = reply();
    turn.partial("hel");
    await turn.deliver({ text: "hello" }, "final");
    await turn.finish();
    expect(kinds()).toEqual(["text"]);
  });

  it("[STR-2] partial writes a live draft and completes it with the whole text", async () => {
    const turn = reply(partial);
    turn.partial("hel");
    await shown(1);
    await turn.deliver({ text: "hello world" }, "final");
    await turn.finish();
    expect(account.sent).toMatchObject([
      { type: "text", markdown: "hel", live: true, kind: "text", key: "in:$e:draft:0" },
      { type: "edit", eventId: "$out1", markdown: "hello world", draft: false },
    ]);
    expect((account.sent[1] as Extract<Outgoing, { type: "edit" }>).live).toBeUndefined();
  });

  it("[STR-2] edits come at most once a pause, with the newest text", async () => {
    const draft = new Draft({ account, target: { roomId: ROOM }, kind: "text", key: "k", tables: "block", limit: 4000, pauseMs: 40, onError: (error) => errors.push(String(error)) });
    draft.update("a");
    await shown(1);
    for (const text of ["ab", "abc", "abcd"]) draft.update(text);
    await shown(2);
    await draft.seal();
    expect(account.sent.map((one) => "markdown" in one && one.markdown)).toEqual(["a", "abcd"]);
  });

  it("[STR-2] an answer longer than one event goes on in further messages", async () => {
    const turn = reply({ ...partial, textChunkLimit: 5 });
    turn.partial("hel");
    await shown(1);
    const delivered = await turn.deliver({ text: "helloworld!" }, "final");
    expect(account.sent.slice(1)).toMatchObject([
      { type: "edit", markdown: "hello" },
      { type: "text", markdown: "world", threadRootId: "$root" },
      { type: "text", markdown: "!", threadRootId: "$root" },
    ]);
    expect(delivered.messageIds).toEqual(["$out1", "$out3", "$out4"]);
  });

  it("[STR-3] quiet writes notices", async () => {
    const turn = reply({ streaming: { mode: "quiet" } });
    turn.partial("hel");
    await shown(1);
    await turn.deliver({ text: "hello" }, "final");
    expect(account.sent).toMatchObject([{ type: "text", kind: "notice" }, { type: "edit", kind: "notice", markdown: "hello" }]);
  });

  it("[STR-7] a draft that became nothing is taken back", async () => {
    const turn = reply(partial);
    turn.partial("hel");
    await shown(1);
    await turn.finish();
    expect(account.sent.at(-1)).toEqual({ type: "redaction", roomId: ROOM, eventId: "$out1" });
  });

  it("[SES-11] the draft of a turn that failed is the next run's: it is not taken back in between", async () => {
    const first = reply(partial);
    first.partial("hel");
    await shown(1);
    await first.finish(true);
    const again = reply(partial);
    again.partial("hel");
    await new Promise((resolve) => setTimeout(resolve, 20));
    await again.deliver({ text: "hello" }, "final");
    await again.finish();
    expect(account.sent).toMatchObject([{ type: "text", markdown: "hel" }, { type: "edit", eventId: "$out1", markdown: "hello", draft: false }]);
  });

  it("[SES-11] the draft of a turn that the host finished by itself after a restart is taken back", async () => {
    const killed = reply(partial);
    killed.partial("hel");
    await shown(1);
    const skipped = reply(partial);
    await skipped.finish();
    expect(account.sent.at(-1)).toEqual({ type: "redaction", roomId: ROOM, eventId: "$out1" });
    const answered = reply(partial);
    await answered.deliver({ text: "hello" }, "final");
    const sent = account.sent.length;
    await answered.finish();
    expect(account.sent).toHaveLength(sent);
  });

  it("[OUT-7] nothing unfinished is written over the answer of an earlier run, and no second answer beside it", async () => {
    const first = reply(partial);
    first.partial("hel");
    await shown(1);
    await first.deliver({ text: "hello" }, "final");
    // Killed before the turn was settled: it runs again, once with a draft and once without.
    const again = reply(partial);
    again.partial("he");
    await new Promise((resolve) => setTimeout(resolve, 20));
    await again.deliver({ text: "hello" }, "final");
    await again.finish();
    const quick = reply(partial);
    await quick.deliver({ text: "hello" }, "final");
    await quick.finish();
    expect(account.sent).toMatchObject([{ type: "text", markdown: "hel" }, { type: "edit", markdown: "hello", draft: false }]);
    expect(account.sent).toHaveLength(2);
  });

  it("[OUT-7] an answer does not wait for a homeserver that is slow to take its draft", async () => {
    const { sendText } = account;
    let drafted: (() => void) | undefined;
    account.sendText = async (request) => {
      if (request.live) await new Promise<void>((resolve) => (drafted = resolve));
      return sendText.call(account, request);
    };
    const turn = reply(partial);
    turn.partial("hel");
    await account.until(() => drafted !== undefined);
    await turn.deliver({ text: "hello" }, "final");
    expect(account.texts()).toEqual(["hello"]);
    drafted?.();
    await turn.finish();
    expect(kinds()).toEqual(["text", "text", "redaction"]);
    // The same turn again, after a kill: the answer is out.
    account.sendText = sendText;
    const again = reply(partial);
    again.partial("hel");
    await again.deliver({ text: "hello" }, "final");
    expect(account.texts()).toEqual(["hello", "hel"]);
  });

  it("[OUT-7] a long answer is stored whole before the homeserver is waited for", async () => {
    const waits: (number | undefined)[] = [];
    const { sendText, editText } = account;
    account.sendText = (request) => (waits.push(request.waitMs), sendText.call(account, request));
    account.editText = (request) => (waits.push(request.waitMs), editText.call(account, request));
    const turn = reply({ ...partial, textChunkLimit: 5 });
    turn.partial("hel");
    await shown(1);
    await turn.deliver({ text: "helloworld!" }, "final");
    expect(waits).toEqual([undefined, 0, 0, 0, undefined, undefined, undefined]);
    expect(account.sent).toHaveLength(4);
  });

  it("[STR-7] an answer is not lost with a draft that cannot be completed", async () => {
    const turn = reply(partial);
    turn.partial("hel");
    await shown(1);
    account.editText = async () => {
      throw new MatrixError("forbidden", "no edits here");
    };
    await turn.deliver({ text: "hello" }, "final");
    expect(account.texts()).toEqual(["hel", "hello"]);
    expect(errors).toHaveLength(1);
  });

  it("[OUT-13] a text beyond one event is not drafted", async () => {
    const turn = reply({ ...partial, textChunkLimit: 3 });
    turn.partial("hello");
    await turn.deliver({ text: "hello" }, "final");
    await turn.finish();
    expect(kinds()).toEqual(["text"]);
  });

  it("[STR-2] the same turn run again goes on with the same draft", async () => {
    for (let run = 0; run < 2; run++) {
      const turn = reply(partial);
      turn.partial("hel");
      await account.until(() => account.texts().length === 1);
      await new Promise((resolve) => setTimeout(resolve, 10));
      await turn.deliver({ text: "hello" }, "final");
      await turn.finish();
    }
    expect(kinds()).toEqual(["text", "edit"]);
  });
});

describe("files of replies", () => {
  it("[MED-9] go out with the text as their caption, in the thread, once however often the turn runs", async () => {
    const payload = { text: "see **these**", mediaUrl: "/ok/a.png", mediaUrls: ["/ok/a.png", "/ok/b.png", "/ok/a.png"], replyToId: "$quoted" };
    const first = await reply().deliver(payload, "final");
    const second = await reply().deliver(payload, "final");
    expect(account.sent).toHaveLength(1);
    expect(account.sent[0]).toMatchObject({ type: "media", roomId: ROOM, threadRootId: "$root", replyToId: "$quoted", caption: "see **these**" });
    expect(account.sent[0]?.type === "media" && account.sent[0].files.map(({ filename }) => filename)).toEqual(["a.png", "b.png"]);
    expect(first).toMatchObject({ visibleReplySent: true, messageIds: ["$out1", "$out2"] });
    expect(second.messageIds).toEqual(first.messageIds);
    expect(loaded).toEqual(["/ok/a.png", "/ok/b.png"]);
  });

  it("[MED-10] a file outside the allowed folders is told of, and the rest goes out", async () => {
    await reply().deliver({ text: "see", mediaUrls: ["/etc/passwd", "/ok/b.png"] }, "final");
    expect(account.sent[0]).toMatchObject({ type: "media", caption: "see\n\n(passwd could not be attached: it lies elsewhere)" });
    await reply({}, "in:$f").deliver({ mediaUrl: "/etc/passwd" }, "final");
    expect(account.texts()).toEqual(["(passwd could not be attached: it lies elsewhere)"]);
    expect(errors).toHaveLength(2);
  });

  it("[VOI-3] sound goes out as a voice message if the agent says so", async () => {
    await reply().deliver({ mediaUrl: "/ok/a.ogg", audioAsVoice: true }, "final");
    expect(account.sent[0]).toMatchObject({ type: "media", caption: undefined, files: [{ voice: true }] });
  });

  it("[MED-6] a text that was shown as a draft stays a message, and the files follow it", async () => {
    const turn = reply({ streaming: { mode: "partial" } });
    turn.partial("see");
    await shown(1);
    const delivered = await turn.deliver({ text: "see this", mediaUrl: "/ok/a.png" }, "final");
    await turn.finish();
    expect(kinds()).toEqual(["text", "edit", "media"]);
    expect(account.sent[2]).toMatchObject({ caption: undefined });
    expect(delivered.messageIds).toHaveLength(2);
  });

  it("[MED-6] a refused file is told to the host as never sent", async () => {
    account.sendError = new MatrixError("media_too_large", "the file is larger than the homeserver takes");
    account.outboxEntry = async (key) => ({ key, state: key.endsWith(":files") && account.sendError !== undefined && loaded.length > 0 ? "failed" : "unknown", eventIds: [], inDoubt: false });
    await expect(reply().deliver({ mediaUrl: "/ok/a.png" }, "final")).rejects.toMatchObject({ name: "PlatformMessageNotDispatchedError" });
  });
});
