import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { createMessageActions } from "../../../ts/actions/index.ts";
import { resolveMatrixAccount } from "../../../ts/config/accounts.ts";
import type { ChannelMessageActionContext, OpenClawConfig } from "../../../ts/host/types.ts";
import type { Poll, ReadMessage } from "../../../ts/native/past.ts";
import type { FindAccount } from "../../../ts/outbound/adapter.ts";
import { BOT, FakeAccount } from "../support/fake-account.ts";
import { ALICE, LOGIN } from "../support/running.ts";

const ROOM = "!room:example.org";
const OTHER = "!other:example.org";
const HERE = { currentMessagingTarget: `room:${ROOM}`, currentChannelId: `room:${ROOM}`, currentMessageId: "$current" };

let account: FakeAccount;
let cfg: OpenClawConfig;
beforeEach(() => {
  account = new FakeAccount();
  account.room(ROOM);
  cfg = { channels: { matrix: LOGIN } } as OpenClawConfig;
});

const find: FindAccount = (config, accountId) => ({ account, resolved: resolveMatrixAccount(config, accountId) });

type Action = ChannelMessageActionContext["action"];

async function perform(action: Action, params: Record<string, unknown> = {}, rest: Partial<ChannelMessageActionContext> = {}) {
  const result = await createMessageActions(find, () => true).handleAction?.({ channel: "matrix", action, cfg, params, toolContext: HERE, conversationReadOrigin: "delegated", ...rest } as ChannelMessageActionContext);
  return (result as { details: Record<string, unknown> }).details;
}

function reaction(sender: string, key: string, eventId: string) {
  return { eventId, sender, key, originServerTs: 1 };
}

function past(eventId: string, over: Partial<ReadMessage> = {}): ReadMessage {
  return { eventId, sender: ALICE, senderName: "Alice", originServerTs: 0, kind: "text", text: `text of ${eventId}`, edited: false, encrypted: true, ...over };
}

const POLL: Poll = {
  eventId: "$poll",
  sender: ALICE,
  question: "Which?",
  answers: [
    { id: "1", text: "Tea", votes: 1, voters: [ALICE] },
    { id: "2", text: "Coffee", votes: 0, voters: [] },
  ],
  maxSelections: 2,
  disclosed: true,
  ended: false,
  voters: 1,
  own: [],
};

describe("reactions", () => {
  it("[EMO-1][REA-7] the room's custom emoji are listed, and a reaction's key is an identifier of theirs", async () => {
    account.emoji = ["party", "sad"].map((shortcode) => ({ shortcode, url: `mxc://example.org/${shortcode}` }));
    expect(await perform("emoji-list", { limit: 1 })).toMatchObject({ roomId: ROOM, more: true, emojis: [{ name: "party", identifier: "party", url: "mxc://example.org/party" }] });
    expect(await perform("emoji-list", { limit: 500 })).toMatchObject({ more: false });
    await perform("react", { messageId: "$m", emoji: "party" });
    expect(account.sent).toContainEqual({ type: "reaction", roomId: ROOM, eventId: "$m", emoji: "party" });
    account.room(OTHER, { otherMembers: ["@mallory:example.org"], joinedMemberCount: 5 });
    await expect(perform("emoji-list", { to: OTHER })).rejects.toThrow("not allowed");
  });

  it("[REA-2] without an emoji all of our own are taken back, with remove only the named one", async () => {
    account.reacted.set("$m", [reaction(BOT.userId, "👍", "$r1"), reaction(ALICE, "👍", "$r2"), reaction(BOT.userId, "🎉", "$r3")]);
    expect(await perform("react", { messageId: "$m", emoji: "🎉", remove: true })).toMatchObject({ removed: 1, emojis: ["🎉"] });
    expect(await perform("react", { messageId: "$m", emoji: "" })).toMatchObject({ removed: 2 });
    expect(account.sent.map((one) => one.type === "redaction" && one.eventId)).toEqual(["$r3", "$r1"]);
  });

  it("[REA-3] are listed by emoji, with how many and who", async () => {
    account.reacted.set("$m", [reaction(ALICE, "🎉", "$r1"), reaction(ALICE, "👍", "$r2"), reaction("@carol:example.org", "👍", "$r3")]);
    expect(await perform("reactions", { messageId: "$m" })).toMatchObject({
      reactions: [
        { key: "👍", count: 2, users: [ALICE, "@carol:example.org"] },
        { key: "🎉", count: 1, users: [ALICE] },
      ],
    });
  });

  it("[REA-1] one that is there already is no error", async () => {
    account.react = async () => {
      throw Object.assign(new Error("twice"), { errcode: "M_DUPLICATE_ANNOTATION" });
    };
    expect(await perform("react", { emoji: "👍" })).toMatchObject({ ok: true, already: true, messageId: "$current" });
  });
});

describe("reading", () => {
  it("[ACT-4] gives a page in its newest wording, with what cannot be shown named", async () => {
    account.past = {
      messages: [past("$1", { edited: true }), past("$2", { kind: "image", text: "", filename: "cat.png" }), past("$3", { text: "", unavailable: "undecryptable" }), past("$4", { kind: "poll", text: "Which?\n1. Tea" })],
      more: true,
    };
    account.polls.set("$4", POLL);
    const { messages, more } = (await perform("read", { limit: 5, before: "$9" })) as { messages: Record<string, unknown>[]; more: boolean };
    expect(account.asked).toEqual([{ roomId: ROOM, limit: 5, before: "$9", after: undefined, threadRootId: undefined }]);
    expect(messages.map(({ text }) => text)).toEqual(["text of $1", "[image: cat.png]", "[a message that could not be decrypted]", "Which?\n1. Tea"]);
    expect(messages[0]).toMatchObject({ messageId: "$1", sender: ALICE, senderName: "Alice", edited: true, timestamp: "1970-01-01T00:00:00.000Z" });
    expect(messages[3]).toMatchObject({ poll: { options: [{ index: 1, text: "Tea", votes: 1 }, { index: 2, votes: 0 }], voters: 1 } });
    expect(more).toBe(true);
  });

  it("[ACT-4] an undisclosed poll tells its votes only when it has ended", async () => {
    account.messages.set(`${ROOM} $poll`, { eventId: "$poll", sender: ALICE, originServerTs: 1, kind: "poll", text: "Which?" });
    account.polls.set("$poll", { ...POLL, disclosed: false });
    const votes = async () => JSON.stringify((await perform("read", { messageId: "$poll" })).messages);
    expect(await votes()).not.toContain("votes");
    account.polls.set("$poll", { ...POLL, disclosed: false, ended: true });
    expect(await votes()).toContain('"votes":1');
  });

  it("[ACT-4] inside a thread reads that thread", async () => {
    await perform("read", {}, { toolContext: { ...HERE, currentThreadTs: "$root" } });
    expect(account.asked[0]).toMatchObject({ threadRootId: "$root" });
  });

  const scopes: [string, Record<string, unknown>, Partial<ChannelMessageActionContext>, boolean][] = [
    ["another room is closed to an agent", {}, {}, false],
    ["a room of groups is open", { groups: { [OTHER]: {} } }, {}, true],
    ["a room of groups that is switched off is closed", { groups: { [OTHER]: { enabled: false } } }, {}, false],
    ["a room of groups with users is closed to others", { groups: { [OTHER]: { users: ["@carol:example.org"] } } }, { requesterSenderId: ALICE }, false],
    ["an operator's command may look everywhere", {}, { conversationReadOrigin: "direct-operator" }, true],
  ];
  for (const [title, matrix, rest, open] of scopes) {
    it(`[ACT-12] ${title}`, async () => {
      account.room(OTHER);
      cfg = { channels: { matrix: { ...LOGIN, ...matrix } } } as OpenClawConfig;
      for (const action of ["read", "reactions", "list-pins", "channel-info"] as const) {
        const done = perform(action, { to: OTHER, messageId: action === "reactions" ? "$m" : undefined }, rest);
        if (open) expect(await done).toMatchObject({ ok: true });
        else await expect(done).rejects.toThrow("channels.matrix.groups");
      }
    });
  }

  it("[ACT-12] another person's direct message is closed, one's own open", async () => {
    account.room(OTHER, { directTargets: [ALICE] });
    expect(await perform("read", { to: OTHER }, { requesterSenderId: ALICE })).toMatchObject({ ok: true });
    await expect(perform("read", { to: OTHER }, { requesterSenderId: "@carol:example.org" })).rejects.toThrow("not allowed");
  });
});

describe("changing messages", () => {
  it("[ACT-5] edits one's own message, nobody else's, and no deleted one", async () => {
    const message = { eventId: "$m", originServerTs: 1, kind: "notice" as const, text: "old" };
    account.messages.set(`${ROOM} $m`, { ...message, sender: BOT.userId });
    expect(await perform("edit", { messageId: "$m", message: "new" })).toMatchObject({ ok: true, messageId: "$m" });
    expect(account.sent).toMatchObject([{ type: "edit", roomId: ROOM, eventId: "$m", markdown: "new", kind: "notice", draft: false }]);
    account.messages.set(`${ROOM} $m`, { ...message, sender: ALICE });
    await expect(perform("edit", { messageId: "$m", message: "new" })).rejects.toThrow("only one's own");
    account.messages.set(`${ROOM} $m`, { ...message, sender: BOT.userId, unavailable: "redacted" });
    await expect(perform("edit", { messageId: "$m", message: "new" })).rejects.toThrow("deleted");
    await expect(perform("edit", { messageId: "$gone", message: "new" })).rejects.toThrow("no message $gone");
  });

  it("[ACT-6] deletes with a reason", async () => {
    expect(await perform("delete", { messageId: "$m", reason: "typo" })).toMatchObject({ deleted: "$m" });
    expect(account.sent).toEqual([{ type: "redaction", roomId: ROOM, eventId: "$m", reason: "typo" }]);
  });

  it("[ACT-7] pins, unpins and lists pins with their text", async () => {
    account.messages.set(`${ROOM} $m`, { eventId: "$m", sender: ALICE, originServerTs: 1, kind: "text", text: "the rules" });
    expect(await perform("pin", { messageId: "$m" })).toMatchObject({ pinned: "$m", pins: ["$m"] });
    await perform("pin", {});
    expect(await perform("list-pins")).toMatchObject({ total: 2, pins: [{ messageId: "$m", text: "the rules" }, { messageId: "$current" }] });
    expect(await perform("unpin", { messageId: "$m" })).toMatchObject({ unpinned: "$m", pins: ["$current"] });
  });

  it("[LOC-2] sends a place with its description, and refuses what is none", async () => {
    const location = { latitude: 48.2082, longitude: 16.3738, accuracy: 35, name: "The cathedral", address: "Stephansplatz 3" };
    await perform("send", { to: ROOM, location }, { toolContext: { ...HERE, currentThreadTs: "$root" } });
    expect(account.sent).toMatchObject([{ type: "location", roomId: ROOM, threadRootId: "$root", latitude: 48.2082, longitude: 16.3738, uncertainty: 35, description: "The cathedral, Stephansplatz 3" }]);
    await expect(perform("send", { to: ROOM, location: { latitude: 91, longitude: 0 } })).rejects.toThrow("location.latitude must be");
  });
});

describe("polls", () => {
  it("[ACT-2][POL-1][POL-5] asks in the agent's thread", async () => {
    expect(await perform("poll", { to: ROOM, pollQuestion: "Which?", pollOption: ["Tea", "Coffee"], pollMulti: true }, { toolContext: { ...HERE, currentThreadTs: "$root" } })).toMatchObject({ ok: true, pollId: "$out1" });
    expect(account.sent).toMatchObject([{ type: "poll", roomId: ROOM, threadRootId: "$root", question: "Which?", answers: ["Tea", "Coffee"], maxSelections: 2, disclosed: true }]);
  });

  it.each([
    [{ pollOptionIndex: 2 }, ["2"]],
    [{ pollOptionIndexes: [2, 1] }, ["2", "1"]],
    [{ pollOptionId: "1" }, ["1"]],
    [{ pollOptionIds: ["Coffee", "2"] }, ["2"]],
  ])("[ACT-2][POL-2] votes with %j", async (params, answers) => {
    account.polls.set("$poll", POLL);
    expect(await perform("poll-vote", { pollId: "$poll", ...params })).toMatchObject({ ok: true, voted: answers });
    expect(account.sent).toEqual([{ type: "vote", roomId: ROOM, eventId: "$poll", answers }]);
  });

  it("[POL-2] a vote that is none says what there is to choose", async () => {
    account.polls.set("$poll", POLL);
    await expect(perform("poll-vote", { pollId: "$poll", pollOptionId: "Milk" })).rejects.toThrow("1. Tea, 2. Coffee");
    await expect(perform("poll-vote", { pollId: "$poll", pollOptionIndex: 3 })).rejects.toThrow("no option 3");
    await expect(perform("poll-vote", { pollId: "$poll" })).rejects.toThrow("pollOptionIndex");
    await expect(perform("poll-vote", { pollId: "$other", pollOptionIndex: 1 })).rejects.toThrow("no poll");
  });

  it("[POL-4] ends a poll", async () => {
    account.polls.set("$poll", POLL);
    expect(await perform("poll-vote", { pollId: "$poll", pollEnd: true })).toMatchObject({ ended: "$poll", poll: { ended: true, voters: 1 } });
    expect(account.sent).toEqual([{ type: "poll-end", roomId: ROOM, eventId: "$poll" }]);
  });
});

describe("facts", () => {
  it("[ACT-9] a member has a membership and a power level", async () => {
    account.members.set(`${ROOM} ${ALICE}`, { userId: ALICE, displayName: "Alice", membership: "join", powerLevel: 50 });
    expect(await perform("member-info", { userId: ALICE })).toMatchObject({ member: { userId: ALICE, displayName: "Alice", membership: "join", powerLevel: 50 } });
    await expect(perform("member-info", { userId: "@nobody:example.org" })).rejects.toThrow("no member");
    await expect(perform("member-info", { userId: "Alice" })).rejects.toThrow("user id");
  });

  it("[ACT-10] a room has its names, its members and what we may do there", async () => {
    account.room(ROOM, { name: "Kitchen", topic: "Food", canonicalAlias: "#kitchen:example.org", encrypted: true, joinedMemberCount: 3 });
    account.members.set(`${ROOM} ${BOT.userId}`, { userId: BOT.userId, membership: "join", powerLevel: 100 });
    expect(await perform("channel-info", { channelId: ROOM })).toMatchObject({
      room: { roomId: ROOM, name: "Kitchen", topic: "Food", canonicalAlias: "#kitchen:example.org", encrypted: true, memberCount: 3, membership: "join", ownPowerLevel: 100 },
    });
  });
});

const CAT = { kind: "image", source: "cat", filename: "cat.png", mimetype: "image/png", voice: false } as const;

describe("files", () => {
  it("[ACT-1] a send with bytes that the host has read goes out with its caption, under its name", async () => {
    const params = { to: `room:${ROOM}`, buffer: Buffer.from("pixels").toString("base64"), filename: "cat.png", contentType: "image/png", caption: "look", replyTo: "$quoted" };
    for (const action of ["sendAttachment", "upload-file"] as const) {
      expect(await perform(action, params)).toMatchObject({ ok: true, roomId: ROOM, messageIds: [expect.stringMatching(/^\$out/)] });
    }
    expect(account.sent).toHaveLength(2);
    expect(account.sent[0]).toMatchObject({ type: "media", caption: "look", replyToId: "$quoted", files: [{ filename: "cat.png", mimetype: "image/png", bytes: Buffer.from("pixels") }] });
  });

  it("[ACT-15] a file over the cap, and none at all, are refused with the key or the parameter", async () => {
    cfg = { channels: { matrix: { ...LOGIN, mediaMaxMb: 0.00001 } } } as OpenClawConfig;
    await expect(perform("sendAttachment", { to: `room:${ROOM}`, buffer: Buffer.alloc(100).toString("base64") })).rejects.toThrow("mediaMaxMb");
    await expect(perform("upload-file", { to: `room:${ROOM}` })).rejects.toThrow("media, path or buffer");
    expect(account.sent).toEqual([]);
  });

  it("[MED-13] the files of a message are brought into the host's folder, and their keys stay here", async () => {
    const state = mkdtempSync(join(tmpdir(), "matrix-media-"));
    vi.stubEnv("OPENCLAW_STATE_DIR", state);
    const path = join(state, "fetched");
    writeFileSync(path, "pixels");
    account.files.set("cat", { path, size: 6 });
    account.messages.set(`${ROOM} $cat`, { eventId: "$cat", sender: ALICE, originServerTs: 1, kind: "gallery", text: "", media: [CAT, { ...CAT, source: "gone", filename: "gone.png" }] });
    const all = await perform("download-file", { messageId: "$cat" });
    expect(all).toMatchObject({ ok: false, files: [{ name: "cat.png", path: expect.stringContaining(state) }, { name: "gone.png", problem: expect.stringContaining("does not have") }] });
    expect(JSON.stringify(all)).not.toContain("source");
    expect(readFileSync((all.files as { path: string }[])[0]?.path ?? "", "utf8")).toBe("pixels");
    expect(existsSync(path)).toBe(false);
    await expect(perform("download-file", { messageId: "$cat", fileId: "3" })).rejects.toThrow("from 1 to 2");
    await expect(perform("download-file", { messageId: "$none" })).rejects.toThrow("There is no message");
    account.room(OTHER);
    await expect(perform("download-file", { messageId: "$cat", to: `room:${OTHER}` })).rejects.toThrow("not allowed from here");
  });

  it("[ACT-15] are switched off by actions.files", async () => {
    cfg = { channels: { matrix: { ...LOGIN, actions: { files: false } } } } as OpenClawConfig;
    for (const action of ["sendAttachment", "upload-file", "download-file"] as const) await expect(perform(action)).rejects.toThrow("channels.matrix.actions.files");
  });
});
