import { beforeEach, describe, expect, it } from "vitest";
import { allowedActions } from "../../../ts/actions/gates.ts";
import { createMessageActions } from "../../../ts/actions/index.ts";
import { levelOf } from "../../../ts/actions/moderation.ts";
import { resolveMatrixAccount } from "../../../ts/config/accounts.ts";
import type { ChannelMessageActionContext, OpenClawConfig } from "../../../ts/host/types.ts";
import { CREATOR_POWER } from "../../../ts/native/manage.ts";
import type { ReadMessage } from "../../../ts/native/past.ts";
import type { FindAccount } from "../../../ts/outbound/adapter.ts";
import { BOT, FakeAccount } from "../support/fake-account.ts";
import { ALICE, LOGIN } from "../support/running.ts";

const ROOM = "!room:example.org";
const SPACE = "!space:example.org";
const HERE = { currentMessagingTarget: `room:${ROOM}`, currentChannelId: `room:${ROOM}`, currentMessageId: "$current" };
const ALL = { rooms: true, moderation: true, presence: true };

let account: FakeAccount;
let cfg: OpenClawConfig;
beforeEach(() => {
  account = new FakeAccount();
  account.room(ROOM);
  cfg = { channels: { matrix: { ...LOGIN, encryption: true, actions: ALL } } } as OpenClawConfig;
});

const find: FindAccount = (config, accountId) => ({ account, resolved: resolveMatrixAccount(config, accountId) });

type Action = ChannelMessageActionContext["action"];

async function perform(action: Action, params: Record<string, unknown> = {}, rest: Partial<ChannelMessageActionContext> = {}) {
  const ctx = { channel: "matrix", action, cfg, params, toolContext: HERE, conversationReadOrigin: "delegated", senderIsOwner: true, ...rest } as ChannelMessageActionContext;
  const result = await createMessageActions(find, () => true).handleAction?.(ctx);
  return (result as { details: Record<string, unknown> }).details;
}

function past(eventId: string, text: string, over: Partial<ReadMessage> = {}): ReadMessage {
  return { eventId, sender: ALICE, originServerTs: 0, kind: "text", text, edited: false, encrypted: true, ...over };
}

describe("gates", () => {
  const names = (actions: Record<string, boolean> | undefined, owner: boolean, encryption = true) =>
    allowedActions({ channels: { matrix: { ...LOGIN, encryption, actions } } } as OpenClawConfig, undefined, { senderIsOwner: owner });

  it("[ACT-14][ACT-15][ACT-16] threads, replies and search are there unless they are switched off", () => {
    expect(names(undefined, false)).toEqual(expect.arrayContaining(["thread-create", "thread-list", "thread-reply", "reply", "unsend", "search"]));
    const off = names({ threads: false, files: false, search: false }, true);
    for (const action of ["thread-create", "reply", "unsend", "search"]) expect(off).not.toContain(action);
  });

  it("[ACT-8][ACT-11][ACT-18][ACT-19] the owner alone is offered profile, encryption, rooms and moderation", () => {
    const owners = ["set-profile", "permissions", "channel-create", "leaveGroup", "kick", "role-add", "channel-delete"];
    expect(names(ALL, true)).toEqual(expect.arrayContaining(owners));
    for (const action of owners) expect(names(ALL, false)).not.toContain(action);
    expect(names({ profile: false }, true)).not.toContain("set-profile");
  });

  it("[ACT-18][ACT-19][ACT-20] rooms, moderation and presence are off unless they are switched on", () => {
    for (const action of ["channel-create", "kick", "set-presence"]) {
      expect(names(undefined, true)).not.toContain(action);
      expect(names(ALL, true)).toContain(action);
    }
  });

  it("[ACT-11] without encryption there is nothing to manage of it", async () => {
    expect(names(ALL, true, false)).not.toContain("permissions");
    cfg = { channels: { matrix: LOGIN } } as OpenClawConfig;
    await expect(perform("permissions")).rejects.toThrow("channels.matrix.encryption");
  });

  it("[ACT-8] a refusal names the key, or who may", async () => {
    await expect(perform("kick", { userId: ALICE }, { senderIsOwner: false })).rejects.toThrow("commands.ownerAllowFrom");
    expect(await perform("kick", { userId: ALICE }, { senderIsOwner: false, conversationReadOrigin: "direct-operator" })).toMatchObject({ ok: true });
    cfg = { channels: { matrix: LOGIN } } as OpenClawConfig;
    await expect(perform("kick", { userId: ALICE })).rejects.toThrow("channels.matrix.actions.moderation");
  });

  it("[ACT-8] what is the owner's alone is done where it was asked for, all else in the gateway", () => {
    const mode = (action: Action, here: boolean) => createMessageActions(find, () => here).resolveExecutionMode?.({ action });
    expect([mode("kick", true), mode("kick", false), mode("send", true)]).toEqual(["local", "gateway", "gateway"]);
  });

  it("[ACT-1] parameters of our own go with the actions that take them, and may be left out", () => {
    const described = createMessageActions(find, () => true).describeMessageTool({ cfg, senderIsOwner: false });
    const properties = Object.assign({}, ...[described?.schema ?? []].flat().map((one) => one.properties)) as Record<string, { type: string }>;
    expect(properties).toMatchObject({ location: { type: "object" }, pollEnd: { type: "boolean" } });
    expect(properties).not.toHaveProperty("operation");
  });
});

describe("threads", () => {
  it("[ACT-14] one begins on a message that is there, or on a new one", async () => {
    expect(await perform("thread-create", { to: ROOM, messageId: "$m", message: "first" })).toMatchObject({ threadId: "$m", messageId: "$out1" });
    expect(await perform("thread-create", { to: ROOM, threadName: "Plans", message: "first" })).toMatchObject({ threadId: "$out2", messageId: "$out3" });
    expect(account.sent).toMatchObject([
      { markdown: "first", threadRootId: "$m" },
      { markdown: "Plans", threadRootId: undefined },
      { markdown: "first", threadRootId: "$out2" },
    ]);
    await expect(perform("thread-create", { to: ROOM })).rejects.toThrow("threadName");
  });

  it("[ACT-14] an answer finds its thread by a message of it", async () => {
    account.messages.set(`${ROOM} $inside`, { eventId: "$inside", sender: ALICE, originServerTs: 1, kind: "text", text: "x", threadRootId: "$root" });
    expect(await perform("thread-reply", { to: ROOM, replyTo: "$inside", message: "yes" }, { toolContext: undefined })).toMatchObject({ threadId: "$root" });
    expect(account.sent).toMatchObject([{ threadRootId: "$root", replyToId: "$inside" }]);
    await expect(perform("thread-reply", { to: ROOM, message: "yes" })).rejects.toThrow("threadId");
  });

  it("[ACT-14] they are listed with how many answers they have", async () => {
    account.threadPage = { threads: [{ root: past("$root", "Plans"), replies: 3, latestAt: 0 }], next: "t2" };
    expect(await perform("thread-list", { channelId: ROOM, limit: 5 })).toMatchObject({ threads: [{ threadId: "$root", text: "Plans", replies: 3, latestAt: "1970-01-01T00:00:00.000Z" }], pageToken: "t2" });
    expect(account.managed).toEqual([["threads", ROOM, 5, undefined]]);
  });
});

describe("messages", () => {
  it("[ACT-15] a reply quotes the message it is about, and unsend takes back one's own alone", async () => {
    expect(await perform("reply", { to: ROOM, message: "yes" })).toMatchObject({ replyTo: "$current" });
    expect(account.sent).toMatchObject([{ type: "text", replyToId: "$current", markdown: "yes" }]);
    account.messages.set(`${ROOM} $m`, { eventId: "$m", sender: ALICE, originServerTs: 1, kind: "text", text: "x" });
    await expect(perform("unsend", { to: ROOM, messageId: "$m" })).rejects.toThrow("only one's own can be unsent");
    account.messages.set(`${ROOM} $m`, { eventId: "$m", sender: BOT.userId, originServerTs: 1, kind: "text", text: "x" });
    expect(await perform("unsend", { to: ROOM, messageId: "$m" })).toMatchObject({ unsent: "$m" });
  });

  it("[ACT-16] a search finds all words in any order, newest first, and says where to go on", async () => {
    const pages = [
      { messages: [past("$3", "the purple umbrella"), past("$4", "umbrella", { sender: BOT.userId }), past("$5", "Umbrella, PURPLE")], more: true },
      { messages: [past("$1", "nothing"), past("$2", "", { filename: "purple-umbrella.png", kind: "image" })], more: false },
    ];
    account.readMessages = async (request) => {
      account.asked.push(request);
      return pages[account.asked.length - 1] ?? { messages: [], more: false };
    };
    const found = (await perform("search", { channelId: ROOM, query: "purple umbrella" })) as { matches: { messageId: string }[]; before?: string; searched: number };
    expect(found.matches.map(({ messageId }) => messageId)).toEqual(["$5", "$3", "$2"]);
    expect([found.searched, found.before]).toEqual([5, undefined]);
    expect(account.asked.map(({ before }) => before)).toEqual([undefined, "$3"]);
    account.asked.length = 0;
    expect(await perform("search", { channelId: ROOM, query: "umbrella", limit: 1 })).toMatchObject({ matches: [{ messageId: "$5" }], before: "$5" });
    account.asked.length = 0;
    expect(await perform("search", { channelId: ROOM, query: "umbrella", authorId: BOT.userId })).toMatchObject({ matches: [{ messageId: "$4" }] });
  });

  it("[ACT-16] another room is as closed to a search as to reading", async () => {
    account.room("!other:example.org");
    await expect(perform("search", { channelId: "!other:example.org", query: "x" })).rejects.toThrow("channels.matrix.groups");
    await expect(perform("thread-list", { channelId: "!other:example.org" })).rejects.toThrow("channels.matrix.groups");
  });
});

describe("rooms", () => {
  it("[ACT-18] a room is made encrypted, a public one and a space are not", async () => {
    await perform("channel-create", { name: "Attic", topic: "Dust", userId: ALICE, parentId: SPACE });
    await perform("channel-create", { name: "Square", public: true });
    await perform("category-create", { name: "House" });
    expect(account.managed).toMatchObject([
      ["create", { name: "Attic", topic: "Dust", invite: [ALICE], encrypted: true, space: false, public: false, parent: SPACE }],
      ["create", { name: "Square", encrypted: false, public: true }],
      ["create", { name: "House", space: true, encrypted: false }],
    ]);
  });

  it("[ACT-18] what a room says of itself is changed, it is put into a space and taken out", async () => {
    await perform("channel-edit", { channelId: ROOM, topic: "New", parentId: SPACE });
    await perform("channel-edit", { channelId: ROOM, parentId: SPACE, clearParent: true });
    await perform("setGroupIcon", { to: ROOM, avatarUrl: "mxc://example.org/a" });
    expect(account.managed).toEqual([
      ["edit", ROOM, { name: undefined, topic: "New", avatarUrl: undefined }],
      ["child", SPACE, ROOM, true],
      ["edit", ROOM, { name: undefined, topic: undefined, avatarUrl: undefined }],
      ["child", SPACE, ROOM, false],
      ["edit", ROOM, { avatarUrl: "mxc://example.org/a" }],
    ]);
    await expect(perform("channel-edit", { channelId: ROOM })).rejects.toThrow("name, topic");
    await expect(perform("renameGroup", { to: ROOM })).rejects.toThrow("name");
  });

  it("[ACT-18] people come and go, rooms are listed and left", async () => {
    await perform("addParticipant", { to: ROOM, participant: ALICE });
    await perform("removeParticipant", { to: ROOM, userId: ALICE });
    await expect(perform("addParticipant", { to: ROOM, userId: "Alice" })).rejects.toThrow("@person:server");
    expect(account.managed).toEqual([["invite", ROOM, ALICE], ["kick", ROOM, ALICE, undefined]]);
    account.joinedInfos = [account.room(ROOM, { name: "Kitchen" }), account.room(SPACE, { name: "House", space: true })];
    expect(await perform("channel-list", { query: "hou" })).toMatchObject({ total: 1, rooms: [{ roomId: SPACE, kind: "space" }] });
    expect(await perform("conversation-open", { userId: ALICE })).toMatchObject({ created: true });
    await perform("category-delete", { categoryId: SPACE });
    expect(account.left).toEqual([SPACE]);
    expect(account.managed.at(-1)).toEqual(["forget", SPACE]);
  });
});

describe("moderation", () => {
  it("[ACT-19] kicks, bans and lifts a ban, in the room that the command names as guild", async () => {
    for (const params of [{ reason: "noise" }, {}]) await perform(params.reason ? "kick" : "ban", { guildId: ROOM, userId: ALICE, ...params });
    await perform("ban", { channelId: ROOM, userId: ALICE, remove: true });
    expect(account.managed).toEqual([["kick", ROOM, ALICE, "noise"], ["ban", ROOM, ALICE, undefined], ["unban", ROOM, ALICE, undefined]]);
  });

  it("[ACT-19] roles are power levels, a creator's above all", async () => {
    account.powers.users = [{ userId: ALICE, powerLevel: CREATOR_POWER }];
    expect(await perform("role-info", { channelId: ROOM })).toMatchObject({ users: [{ userId: ALICE, powerLevel: "creator" }], everybodyElse: 0, neededTo: { kick: 50 } });
    await perform("role-add", { channelId: ROOM, userId: ALICE, roleId: "Moderator" });
    expect(await perform("role-remove", { channelId: ROOM, userId: ALICE })).toMatchObject({ powerLevel: 0 });
    expect(account.managed).toEqual([["power", ROOM, ALICE, 50], ["power", ROOM, ALICE, undefined]]);
    expect([levelOf("admin"), levelOf("-1"), levelOf("75")]).toEqual([100, -1, 75]);
    expect(() => levelOf("king")).toThrow("no role");
  });
});

describe("the account itself", () => {
  it("[ACT-20] the host's words for presence are Matrix's three", async () => {
    await perform("set-presence", { status: "dnd", activityState: "Busy" });
    expect(await perform("set-presence", { status: "invisible" })).toMatchObject({ presence: "offline" });
    expect(account.managed).toEqual([["presence", "unavailable", "Busy"], ["presence", "off", undefined]]);
    await expect(perform("set-presence", { status: "asleep" })).rejects.toThrow("there are online");
  });

  it("[ACT-8] the profile says what is wished", async () => {
    expect(await perform("set-profile", { displayName: "Bot", avatarUrl: "mxc://example.org/a" })).toMatchObject({ ok: true, displayNameUpdated: true });
    expect(account.wishes).toEqual([{ displayName: "Bot", avatarUrl: "mxc://example.org/a", refresh: false }]);
    await expect(perform("set-profile")).rejects.toThrow("displayName");
  });

  it("[ACT-11] encryption is told and set up, and no recovery key is ever told", async () => {
    account.storedKey = "EsTx secret";
    const told = await perform("permissions", { to: ROOM, includeRecoveryKey: true });
    expect(told).toMatchObject({ ok: true, operation: "encryption-status", result: { userId: BOT.userId } });
    expect(JSON.stringify(told)).not.toContain("EsTx");
    account.bootstrapped = { recoveryKeyCreated: true };
    const bootstrap = JSON.stringify(await perform("permissions", { to: ROOM, operation: "verification-bootstrap", showNewRecoveryKey: true, forceResetCrossSigning: true }));
    expect(bootstrap).not.toContain("EsTx");
    expect(account.setups[0]).toMatchObject({ bootstrap: { forceResetCrossSigning: false } });
    await expect(perform("permissions", { to: ROOM, operation: "verification-magic" })).rejects.toThrow("encryption-status");
  });

  it("[ACT-11] a verification goes its steps by name", async () => {
    account.verification("verification-1", { canAccept: true });
    expect(await perform("permissions", { to: ROOM, operation: "verification-list" })).toMatchObject({ result: [{ id: "verification-1" }] });
    await perform("permissions", { to: ROOM, operation: "verification-accept", verificationId: "verification-1" });
    await perform("permissions", { to: ROOM, operation: "verification-cancel", verificationId: "verification-1", reason: "no" });
    expect(account.steps.join()).toMatch(/accept verification-1.*cancel verification-1/);
  });
});
