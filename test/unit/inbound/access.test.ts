import { afterEach, describe, expect, it } from "vitest";
import type { InboundMessage } from "../../../ts/native/account.ts";
import { ALICE, CAROL, DM, LOGIN, ROOM, run, type Running } from "../support/running.ts";

let running: Running | undefined;

function start(matrix: Record<string, unknown>, rest?: Record<string, unknown>): Running {
  running = run({ matrix, rest });
  return running;
}

afterEach(async () => {
  await running?.stop();
  running = undefined;
});

type Message = Partial<Omit<InboundMessage, "type" | "seq">>;

/** Says something and waits until the event is finished; the answers it got. */
async function say(on: Running, text: string, event: Message): Promise<string[]> {
  const before = on.account.texts().length;
  const pushed = on.account.say(text, event);
  await on.account.until(() => on.account.stateOf(pushed) === "settled");
  return on.account.texts().slice(before);
}

const dm = (sender: string): Message => ({ roomId: DM, sender });
const inRoom = (sender: string): Message => ({ roomId: ROOM, sender });
const HEY = "@bot:example.org hello";

describe("direct messages", () => {
  it("[ACL-1] open answers everybody whom * admits", async () => {
    const on = start({ dm: { policy: "open", allowFrom: ["*"] } });
    expect(await say(on, "hello", dm(CAROL))).toEqual(["echo: hello"]);
  });

  it("[ACL-1] open without * answers only the listed", async () => {
    const on = start({ dm: { policy: "open", allowFrom: [ALICE] } });
    expect(await say(on, "hello", dm(ALICE))).toEqual(["echo: hello"]);
    expect(await say(on, "hello", dm(CAROL))).toEqual([]);
  });

  it("[ACL-1] allowlist answers the listed and is silent to others", async () => {
    const on = start({ dm: { policy: "allowlist", allowFrom: [ALICE] } });
    expect(await say(on, "hello", dm(ALICE))).toEqual(["echo: hello"]);
    expect(await say(on, "hello", dm(CAROL))).toEqual([]);
    expect(on.log.join("\n")).toContain("dm_not_allowed");
  });

  it("[ACL-1] disabled is silent to everybody", async () => {
    const on = start({ dm: { policy: "disabled", allowFrom: ["*"] } });
    expect(await say(on, "hello", dm(ALICE))).toEqual([]);
  });

  it("[ACL-2] another spelling of a user id is another user", async () => {
    const on = start({ dm: { policy: "allowlist", allowFrom: ["@Alice:example.org", "Alice"] } });
    expect(await say(on, "hello", dm(ALICE))).toEqual([]);
  });

  it("[ACL-2] entries may carry the prefixes of targets", async () => {
    const on = start({ dm: { policy: "allowlist", allowFrom: ["matrix:user:@alice:example.org"] } });
    expect(await say(on, "hello", dm(ALICE))).toEqual(["echo: hello"]);
  });

  it("[ACL-3] dm.enabled: false closes DMs and leaves rooms", async () => {
    const on = start({ dm: { enabled: false, policy: "open", allowFrom: ["*"] }, groups: { [ROOM]: {} } });
    expect(await say(on, "hello", dm(ALICE))).toEqual([]);
    expect(await say(on, HEY, inRoom(ALICE))).toEqual(["echo: hello"]);
  });

  it("[ACL-12] a saved allowlist counts for the next message", async () => {
    const on = start({ dm: { policy: "allowlist", allowFrom: [] } });
    expect(await say(on, "hello", dm(ALICE))).toEqual([]);
    on.host.setMatrix({ ...LOGIN, dm: { policy: "allowlist", allowFrom: [ALICE] } });
    expect(await say(on, "again", dm(ALICE))).toEqual(["echo: again"]);
  });

  it("[ACL-17] an access group's members are admitted, others not", async () => {
    const on = start(
      { dm: { policy: "allowlist", allowFrom: ["accessGroup:family"] } },
      { accessGroups: { family: { type: "message.senders", members: { matrix: [ALICE] } } } },
    );
    expect(await say(on, "hello", dm(ALICE))).toEqual(["echo: hello"]);
    expect(await say(on, "hello", dm(CAROL))).toEqual([]);
  });
});

describe("rooms", () => {
  it("[ACL-4] allowlist answers in listed rooms only, and says which key lists one", async () => {
    const on = start({ groupPolicy: "allowlist", groups: { "!other:example.org": {} } });
    expect(await say(on, HEY, inRoom(ALICE))).toEqual([]);
    expect(on.log.join("\n")).toContain(`add "${ROOM}" to channels.matrix.groups`);
  });

  it("[ACL-4] open answers in rooms nobody listed", async () => {
    const on = start({ groupPolicy: "open" });
    expect(await say(on, HEY, inRoom(ALICE))).toEqual(["echo: hello"]);
  });

  it("[ACL-4] disabled answers in no room", async () => {
    const on = start({ groupPolicy: "disabled", groups: { [ROOM]: {} } });
    expect(await say(on, HEY, inRoom(ALICE))).toEqual([]);
  });

  it("[ACL-4] without groupPolicy the host's default counts", async () => {
    const on = start({});
    on.host.setMatrix(LOGIN, { groupPolicy: "open" });
    expect(await say(on, HEY, inRoom(ALICE))).toEqual(["echo: hello"]);
  });

  it("[ACL-5] groupAllowFrom admits its people and nobody else", async () => {
    const on = start({ groupAllowFrom: [ALICE], groups: { [ROOM]: {} }, dm: { allowFrom: [CAROL] } });
    expect(await say(on, HEY, inRoom(ALICE))).toEqual(["echo: hello"]);
    expect(await say(on, HEY, inRoom(CAROL))).toEqual([]);
    expect(on.log.join("\n")).toContain("room_sender_not_allowed");
  });

  it("[ACL-6] a room's users replace groupAllowFrom", async () => {
    const on = start({ groupAllowFrom: [CAROL], groups: { [ROOM]: { users: [ALICE] } } });
    expect(await say(on, HEY, inRoom(ALICE))).toEqual(["echo: hello"]);
    expect(await say(on, HEY, inRoom(CAROL))).toEqual([]);
  });

  it("[ACL-8] enabled: false silences the room until it is true again", async () => {
    const on = start({ groupPolicy: "open", groups: { [ROOM]: { enabled: false } } });
    expect(await say(on, HEY, inRoom(ALICE))).toEqual([]);
    on.host.setMatrix({ ...LOGIN, groupPolicy: "open", groups: { [ROOM]: { enabled: true } } });
    expect(await say(on, HEY, inRoom(ALICE))).toEqual(["echo: hello"]);
  });

  it("[ACL-7] an alias of the room lists it", async () => {
    const on = start({ groups: { "#team:example.org": {} } });
    on.account.aliases.set("#team:example.org", { roomId: ROOM, via: [] });
    expect(await say(on, HEY, inRoom(ALICE))).toEqual(["echo: hello"]);
  });

  it("[ACL-7] an alias that a room claims for itself lists nothing: the homeserver has the word", async () => {
    const on = start({ groups: { "#team:example.org": {} } });
    on.account.aliases.set("#team:example.org", { roomId: "!elsewhere:example.org", via: [] });
    on.account.room(ROOM, { name: "Team", joinedMemberCount: 4, otherMembers: [ALICE, CAROL], canonicalAlias: "#team:example.org" });
    expect(await say(on, HEY, inRoom(ALICE))).toEqual([]);
    expect(on.log.join("\n")).toContain("room_not_listed");
  });

  it("[ACL-10] allowlistOnly narrows open policies to the lists", async () => {
    const on = start({ allowlistOnly: true, groupPolicy: "open", dm: { policy: "open", allowFrom: [ALICE] } });
    expect(await say(on, "hello", dm(CAROL))).toEqual([]);
    expect(await say(on, "hello", dm(ALICE))).toEqual(["echo: hello"]);
    expect(await say(on, HEY, inRoom(CAROL))).toEqual([]);
  });

  it("[ACL-13] a command from somebody no list names is not run", async () => {
    const on = start({ groups: { [ROOM]: {} }, groupAllowFrom: [ALICE] });
    on.host.setMatrix({ ...LOGIN, groups: { [ROOM]: {} } });
    expect(await say(on, "@bot:example.org /reset", inRoom(CAROL))).toEqual([]);
    expect(on.log.join("\n")).toContain("command_not_allowed");
  });

  it("[ACL-13] [MEN-6] a listed sender's command runs with the mention taken off", async () => {
    const on = start({ groups: { [ROOM]: {} }, groupAllowFrom: [ALICE] });
    expect(await say(on, "@bot:example.org /status", inRoom(ALICE))).toEqual(["echo: /status"]);
  });

  it("[ACL-16] an approved pairing opens DMs and no room", async () => {
    const on = start({ groups: { [ROOM]: {} }, groupAllowFrom: [ALICE] });
    on.host.paired.push(CAROL);
    expect(await say(on, "hello", dm(CAROL))).toEqual(["echo: hello"]);
    expect(await say(on, HEY, inRoom(CAROL))).toEqual([]);
  });
});

describe("mentions", () => {
  it("[MEN-1] a room's messages need a mention; without one the agent is not asked", async () => {
    const on = start({ groups: { [ROOM]: {} } });
    expect(await say(on, "hello all", inRoom(ALICE))).toEqual([]);
    expect(on.host.turns).toHaveLength(0);
    expect(on.log.join("\n")).toContain("no_mention");
    expect(await say(on, HEY, inRoom(ALICE))).toEqual(["echo: hello"]);
  });

  it("[MEN-1] requireMention: false answers every message", async () => {
    const on = start({ groups: { [ROOM]: { requireMention: false } } });
    expect(await say(on, "hello all", inRoom(ALICE))).toEqual(["echo: hello all"]);
  });

  it("[MEN-2] autoReply overrides requireMention in both directions", async () => {
    const on = start({ groups: { [ROOM]: { requireMention: true, autoReply: true } } });
    expect(await say(on, "hello all", inRoom(ALICE))).toEqual(["echo: hello all"]);
    on.host.setMatrix({ ...LOGIN, groups: { [ROOM]: { requireMention: false, autoReply: false } } });
    expect(await say(on, "hello all", inRoom(ALICE))).toEqual([]);
  });

  it("[MEN-3] m.mentions without visible text is no mention", async () => {
    const on = start({ groups: { [ROOM]: {} } });
    expect(await say(on, "what a day", { ...inRoom(ALICE), mentions: { userIds: ["@bot:example.org"], room: false } })).toEqual([]);
  });

  it("[MEN-4] the agent's mention patterns count", async () => {
    const on = start({ groups: { [ROOM]: {} } }, { messages: { groupChat: { mentionPatterns: ["hey robot"] } } });
    expect(await say(on, "Hey robot, hello", inRoom(ALICE))).toEqual(["echo: Hey robot, hello"]);
  });

  it("[HIS-1] what was said before the mention is given along, once", async () => {
    const on = start({ historyLimit: 5, groups: { [ROOM]: {} } });
    await say(on, "it rains", inRoom(CAROL));
    await say(on, HEY, inRoom(ALICE));
    await say(on, HEY, inRoom(ALICE));
    expect(on.host.turns[0]?.ctx.message.inboundHistory).toMatchObject([{ sender: CAROL, body: "it rains" }]);
    expect(on.host.turns[1]?.ctx.message.inboundHistory).toBeUndefined();
  });
});

describe("bots", () => {
  const OPS = "@ops:example.org";
  const accounts = { accounts: { ops: { homeserver: "https://example.org", accessToken: "y", userId: OPS } } };

  it("[BOT-1] another account of this gateway is not answered", async () => {
    const on = start({ ...accounts, groups: { [ROOM]: { requireMention: false } } });
    expect(await say(on, HEY, inRoom(OPS))).toEqual([]);
  });

  it("[BOT-2] allowBots: mentions answers bots that name us, in rooms", async () => {
    const on = start({ ...accounts, allowBots: "mentions", groups: { [ROOM]: { requireMention: false } } });
    expect(await say(on, "hello all", inRoom(OPS))).toEqual([]);
    expect(await say(on, HEY, inRoom(OPS))).toEqual(["echo: hello"]);
  });

  it("[BOT-2] allowBots: true answers bots, and a room may say otherwise", async () => {
    const on = start({ ...accounts, allowBots: true, groups: { [ROOM]: { requireMention: false } } });
    expect(await say(on, "hello all", inRoom(OPS))).toEqual(["echo: hello all"]);
    on.host.setMatrix({ ...LOGIN, ...accounts, allowBots: true, groups: { [ROOM]: { requireMention: false, allowBots: false } } });
    expect(await say(on, "hello all", inRoom(OPS))).toEqual([]);
  });

  it("[BOT-3] an accepted bot's turn carries the loop guard's facts", async () => {
    const on = start({ ...accounts, allowBots: true, botLoopProtection: { maxEventsPerWindow: 3 }, groups: { [ROOM]: { requireMention: false } } });
    let guard: unknown;
    on.host.script = async (_turn, { plan, deliver }) => {
      guard = plan.botLoopProtection;
      await deliver({ text: "ok" });
    };
    await say(on, "hello", inRoom(OPS));
    expect(guard).toMatchObject({ senderId: OPS, receiverId: "@bot:example.org", conversationId: ROOM, defaultEnabled: true, config: { maxEventsPerWindow: 3 } });
  });

  it("[BOT-4] [SES-12] our own messages are nobody's prompt", async () => {
    const on = start({ groupPolicy: "open", groups: { [ROOM]: { requireMention: false } } });
    expect(await say(on, HEY, inRoom("@bot:example.org"))).toEqual([]);
    expect(on.host.turns).toHaveLength(0);
  });

  it("[BOT-5] a notice is not answered, unless respondToNotices says so", async () => {
    const on = start({ groups: { [ROOM]: {} } });
    expect(await say(on, HEY, { ...inRoom(ALICE), kind: "notice" })).toEqual([]);
    on.host.setMatrix({ ...LOGIN, respondToNotices: true, groups: { [ROOM]: {} } });
    expect(await say(on, HEY, { ...inRoom(ALICE), kind: "notice" })).toEqual(["echo: hello"]);
  });
});
