import { afterEach, describe, expect, it } from "vitest";
import type { RoomJoin } from "../../../ts/host/join-intro.ts";
import { explain } from "../../../ts/gateway/explain.ts";
import { ownMembership } from "../../../ts/gateway/own-rooms.ts";
import { runningAccount } from "../../../ts/gateway/registry.ts";
import type { InboundPorts } from "../../../ts/inbound/ports.ts";
import type { InboundMembership } from "../../../ts/native/account.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import { ALICE, CAROL, DM, ROOM, run, type Running } from "../support/running.ts";

let running: Running | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

function start(matrix: Record<string, unknown> = {}): Running {
  running = run({ matrix: { joinIntro: false, ...matrix } });
  return running;
}

async function portsOf(on: Running): Promise<InboundPorts> {
  await on.account.until(() => runningAccount("default")?.inbound !== undefined);
  return runningAccount("default")?.inbound as InboundPorts;
}

describe("invites", () => {
  function invite(on: Running, sender = ALICE) {
    return on.account.push({ type: "invite", roomId: "!new:example.org", sender, isDirect: false, roomEncrypted: false, eventId: undefined });
  }

  it("[INV-5] a join that fails passingly is tried again until it succeeds", async () => {
    const on = start({ autoJoin: "always" });
    on.account.room("!new:example.org", { membership: "invite" });
    on.account.joinError = new MatrixError("network", "502");
    const event = invite(on);
    await on.account.until(() => on.log.some((line) => line.includes("trying again: 502")));
    on.account.joinError = undefined;
    await on.account.until(() => on.account.stateOf(event) === "settled");
    expect(on.account.joined).toEqual([{ room: "!new:example.org", via: ["example.org"] }]);
  });

  it("[INV-5] an invite that was withdrawn is let go, a refusal becomes a dead letter", async () => {
    const on = start({ autoJoin: "always" });
    on.account.joinError = new MatrixError("forbidden", "You are not invited");
    on.account.room("!new:example.org", { membership: "leave" });
    const gone = invite(on);
    await on.account.until(() => on.account.stateOf(gone) === "settled");
    on.account.room("!new:example.org", { membership: "invite" });
    const refused = invite(on);
    await on.account.until(() => on.account.stateOf(refused) === "dead");
    expect(on.account.reasonOf(refused)).toBe("You are not invited");
  });

  it("[BOT-6] an ignored inviter's invite is left alone", async () => {
    const on = start({ autoJoin: "always" });
    on.account.ignored.add(ALICE);
    const event = invite(on);
    await on.account.until(() => on.account.stateOf(event) === "settled");
    expect(on.account.joined).toEqual([]);
    expect(on.log.join("\n")).toContain("ignored_user");
  });

  it("[INV-7] the successor of a listed room is joined on invite", async () => {
    const on = start({ autoJoin: "allowlist", autoJoinAllowlist: ["!old:example.org"] });
    on.account.room("!old:example.org", { replacementRoomId: "!new:example.org" });
    await on.account.until(() => on.account.started);
    const event = invite(on, CAROL);
    await on.account.until(() => on.account.stateOf(event) === "settled");
    expect(on.account.joined.map((join) => join.room)).toEqual(["!new:example.org"]);
  });
});

describe("replaced rooms", () => {
  const tombstone = (on: Running, content: object) => on.account.push({ type: "other", roomId: ROOM, sender: ALICE, eventType: "m.room.tombstone", content: JSON.stringify(content) });

  it("[INV-7] are followed where their invites are accepted", async () => {
    const on = start({ autoJoin: "allowlist", autoJoinAllowlist: [ROOM], groups: { [ROOM]: {} } });
    const event = tombstone(on, { replacement_room: "!new:example.org" });
    await on.account.until(() => on.account.stateOf(event) === "settled");
    expect(on.account.joined.map((join) => join.room)).toEqual(["!new:example.org"]);
    expect(on.log.join("\n")).toContain('give "!new:example.org" an entry, too');
  });

  it("[INV-7] are not followed elsewhere, and the log says why", async () => {
    const on = start();
    const event = tombstone(on, { replacement_room: "!new:example.org" });
    await on.account.until(() => on.account.stateOf(event) === "settled");
    expect(on.account.joined).toEqual([]);
    expect(on.log.join("\n")).toMatch(/not followed \(invite_not_allowed\).*channels\.matrix\.autoJoinAllowlist/);
  });

  it("[INV-7] without a successor are named, whatever stands in the event", async () => {
    const on = start({ autoJoin: "always" });
    for (const content of [{}, { replacement_room: 7 }, { replacement_room: "nonsense" }]) {
      const event = tombstone(on, content);
      await on.account.until(() => on.account.stateOf(event) === "settled");
    }
    expect(on.account.joined).toEqual([]);
    expect(on.log.join("\n")).toContain("has no successor");
  });
});

describe("introductions", () => {
  async function joined(on: Running, change: Partial<InboundMembership> = {}): Promise<RoomJoin | undefined> {
    const ports = await portsOf(on);
    let asked: RoomJoin | undefined;
    const event = { type: "membership", own: true, membership: "join", previous: "invite", roomId: ROOM, userId: "@bot:example.org", sender: "@bot:example.org", ...change } as InboundMembership;
    await ownMembership(event, ports, async (join) => {
      asked = join;
      return { kind: "posted" };
    });
    return asked;
  }

  it("[INV-6] are made on joining a room, with its name, topic and what was said there", async () => {
    const on = start({ joinIntro: true, groups: { [ROOM]: {} } });
    on.account.room(ROOM, { name: "Team\nof ours", topic: "Plans", joinedMemberCount: 4, otherMembers: [ALICE, CAROL] });
    on.account.messages.set(`${ROOM} $a`, { eventId: "$a", sender: ALICE, senderName: "Alice", originServerTs: 1, kind: "text", text: "hello" });
    const join = await joined(on);
    expect(join).toMatchObject({ roomAllowed: true, conversationId: ROOM, deliverTo: `room:${ROOM}`, route: { agentId: "main", sessionKey: `agent:main:matrix:channel:${ROOM}` } });
    expect(await join?.resolveRoomContext({ messageLimit: 100 })).toEqual({ title: "Team of ours", purpose: "Plans", recentMessages: [{ sender: "Alice", text: "hello" }] });
  });

  it("[INV-6] a room that is not listed is said to be none of ours", async () => {
    expect((await joined(start({ joinIntro: true })))?.roomAllowed).toBe(false);
  });

  it("[INV-6] are not made in a direct message, by a new name, on leaving, or when switched off", async () => {
    const on = start({ joinIntro: true, groups: { [ROOM]: {} } });
    expect(await joined(on, { roomId: DM })).toBeUndefined();
    expect(await joined(on, { previous: "join" })).toBeUndefined();
    expect(await joined(on, { membership: "leave", previous: "join", sender: ALICE })).toBeUndefined();
    expect(on.log.join("\n")).toContain(`removed from ${ROOM} by ${ALICE}`);
    on.host.setMatrix({ joinIntro: false, groups: { [ROOM]: {} } });
    expect(await joined(on)).toBeUndefined();
  });

  it("[INV-6] history that cannot be read makes a thin introduction, not none", async () => {
    const on = start({ joinIntro: true, groups: { [ROOM]: {} } });
    const join = await joined(on);
    on.account.recentMessages = async () => {
      throw new MatrixError("forbidden", "no history for you");
    };
    expect(await join?.resolveRoomContext({ messageLimit: 100 })).toMatchObject({ title: "Team", historyUnavailable: true });
  });
});

describe("explain", () => {
  it("[STA-4] says what becomes of a message, a mention and a command, and what to change", async () => {
    const on = start({ groupPolicy: "allowlist", groups: { [ROOM]: { users: [ALICE] } }, dm: { policy: "pairing" } });
    const ports = await portsOf(on);
    const alice = await explain({ room: ROOM, user: ALICE }, ports);
    expect(alice).toMatchObject({
      room: { kind: "room", because: "listed_in_groups", entry: ROOM, membership: "join" },
      policy: { groupPolicy: "allowlist", dmPolicy: null, requireMention: true },
      agentId: "main",
      message: { outcome: "dropped", reason: "no_mention", fix: expect.stringContaining("requireMention") },
      mention: { outcome: "answered" },
      command: { outcome: "answered" },
      invite: null,
    });
    const carol = await explain({ room: ROOM, user: CAROL }, ports);
    expect(carol.mention).toMatchObject({ outcome: "dropped", reason: "room_sender_not_allowed", fix: expect.stringContaining("groupAllowFrom") });
    const dm = await explain({ room: DM, user: ALICE }, ports);
    expect(dm).toMatchObject({ room: { kind: "direct", because: "account_data" }, policy: { dmPolicy: "pairing" }, message: { outcome: "pairing", fix: expect.stringContaining("openclaw pairing approve") } });
    expect(on.account.texts(), "messages sent by explaining").toEqual([]);
    expect(on.host.pairingRequests).toEqual([]);
  });

  it("[STA-4] of a room it is not in says what an invite would do", async () => {
    const ports = await portsOf(start({ autoJoin: "allowlist", autoJoinFrom: [ALICE] }));
    expect((await explain({ room: "!new:example.org", user: ALICE }, ports)).invite).toEqual({ accepted: true, because: "inviter", fix: null });
    expect((await explain({ room: "!new:example.org", user: CAROL }, ports)).invite).toMatchObject({ accepted: false, because: "invite_not_allowed", fix: expect.stringContaining("autoJoinAllowlist") });
    await expect(explain({ room: "#none:example.org", user: ALICE }, ports)).rejects.toThrow("#none:example.org");
  });

  it("[STA-4] counts what was dropped in the room; the log has each cause once", async () => {
    const on = start({ groups: { [ROOM]: {} } });
    const ports = await portsOf(on);
    for (let index = 0; index < 3; index++) {
      const event = on.account.say("hello all", { roomId: ROOM, sender: ALICE });
      await on.account.until(() => on.account.stateOf(event) === "settled");
    }
    expect((await explain({ room: ROOM, user: ALICE }, ports)).drops).toMatchObject([{ reason: "no_mention", count: 3 }]);
    expect(on.log.filter((line) => line.startsWith("info") && line.includes("no_mention"))).toHaveLength(1);
  });
});
