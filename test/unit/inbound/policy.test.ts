import { resolveChannelMessageIngress } from "openclaw/plugin-sdk/channel-ingress-runtime";
import { describe, expect, it } from "vitest";
import type { MatrixAccountConfig, MatrixRoomConfig } from "../../../ts/config/accounts.ts";
import type { PluginRuntime } from "../../../ts/host/types.ts";
import { judge, resolveAccess } from "../../../ts/inbound/access.ts";
import { botMode, type DmPolicy, effectiveDmPolicy, effectiveGroupPolicy, type GroupPolicy, normalizeUserEntry, requiresMention, roomGate } from "../../../ts/inbound/policy.ts";

const ALICE = "@alice:example.org";
const MALLORY = "@mallory:example.org";
const ROOM = "!room:example.org";

/** The host's own decision, with the pairing store a test gives it. */
function runtime(paired: string[] = []): PluginRuntime {
  const resolve = (params: Parameters<typeof resolveChannelMessageIngress>[0]) =>
    resolveChannelMessageIngress({ ...params, useDefaultPairingStore: false, readStoreAllowFrom: async () => paired });
  return { channel: { inbound: { ingress: { resolve } } } } as unknown as PluginRuntime;
}

const base = { cfg: {}, accountId: "default", binding: { agentId: "main", sessionKey: "agent:main:main", messageId: "$m", inboundEventKind: "user_request" as const }, isCommand: false };

async function dm(config: MatrixAccountConfig, sender: string, paired: string[] = []): Promise<string> {
  const policy = effectiveDmPolicy(config);
  const access = await resolveAccess({
    ...base,
    runtime: runtime(paired),
    sender,
    conversation: { kind: "direct", id: ROOM },
    dm: { policy, allowFrom: (config.dm?.allowFrom ?? []).map(String) },
  });
  const verdict = judge(access, { direct: true, path: "channels.matrix", dmPolicy: policy });
  return verdict.kind === "drop" ? verdict.drop.reason : verdict.kind;
}

/** What becomes of a message in a room that mentions the bot. */
async function inRoom(config: MatrixAccountConfig, entry: MatrixRoomConfig | undefined, sender: string, how: { defaults?: GroupPolicy; mentioned?: boolean; isCommand?: boolean } = {}): Promise<string> {
  const gate = roomGate({ config, path: "channels.matrix", roomId: ROOM, match: { entry, matched: entry && ROOM }, policy: effectiveGroupPolicy(config, how.defaults) });
  if (!gate.open) return gate.drop.reason;
  const mentioned = how.mentioned ?? true;
  const access = await resolveAccess({
    ...base,
    isCommand: how.isCommand ?? false,
    runtime: runtime([MALLORY]),
    sender,
    conversation: { kind: "channel", id: ROOM },
    dm: { policy: "open", allowFrom: ["*"] },
    room: { senders: gate.senders, requireMention: requiresMention(entry), mentioned, anyMention: mentioned, implicit: [] },
  });
  const verdict = judge(access, { direct: false, path: "channels.matrix", dmPolicy: "open", matchedRoom: ROOM });
  return verdict.kind === "drop" ? verdict.drop.reason : verdict.kind;
}

describe("direct messages: policy × allowlistOnly × enabled × sender", () => {
  // The same four senders for each policy: listed, unlisted, paired, and listed in another case.
  const senders: [string, string, string[]][] = [
    ["listed", ALICE, []],
    ["unlisted", MALLORY, []],
    ["paired", MALLORY, [MALLORY]],
    ["another case", "@Alice:example.org", []],
  ];
  const table: Record<DmPolicy, [string, string, string, string]> = {
    pairing: ["answer", "pair", "answer", "pair"],
    allowlist: ["answer", "dm_not_allowed", "dm_not_allowed", "dm_not_allowed"],
    open: ["answer", "dm_not_allowed", "dm_not_allowed", "dm_not_allowed"],
    disabled: ["dm_disabled", "dm_disabled", "dm_disabled", "dm_disabled"],
  };
  for (const [policy, verdicts] of Object.entries(table) as [DmPolicy, string[]][]) {
    for (const [index, [who, sender, paired]] of senders.entries()) {
      const wanted = verdicts[index] as string;
      it(`[ACL-1][ACL-2] ${policy}, ${who}: ${wanted}`, async () => {
        expect(await dm({ dm: { policy, allowFrom: [ALICE] } }, sender, paired)).toBe(wanted);
      });
      it(`[ACL-3] ${policy}, ${who}, dm.enabled false: dm_disabled`, async () => {
        expect(await dm({ dm: { policy, enabled: false, allowFrom: [ALICE, "*"] } }, sender, paired)).toBe("dm_disabled");
      });
      const only = policy === "disabled" ? "dm_disabled" : who === "listed" ? "answer" : "dm_not_allowed";
      it(`[ACL-10] ${policy}, ${who}, allowlistOnly: ${only}`, async () => {
        expect(await dm({ allowlistOnly: true, dm: { policy, allowFrom: [ALICE] } }, sender, paired)).toBe(only);
      });
    }
  }

  it("[ACL-1] open with * answers everybody", async () => {
    expect(await dm({ dm: { policy: "open", allowFrom: ["*"] } }, MALLORY)).toBe("answer");
  });

  it("[ACL-1] without a policy it is pairing", async () => {
    expect(await dm({}, MALLORY)).toBe("pair");
  });
});

describe("rooms: policy × entry × sender", () => {
  const entries: [string, MatrixRoomConfig | undefined][] = [
    ["no entry", undefined],
    ["an entry", {}],
    ["enabled false", { enabled: false }],
    ["users", { users: [ALICE] }],
  ];
  // For Alice and for Mallory; groupAllowFrom has Mallory alone.
  const table: Record<GroupPolicy, [string, string][]> = {
    open: [["answer", "answer"], ["answer", "answer"], ["room_disabled", "room_disabled"], ["answer", "room_sender_not_allowed"]],
    allowlist: [["room_not_listed", "room_not_listed"], ["room_sender_not_allowed", "answer"], ["room_disabled", "room_disabled"], ["answer", "room_sender_not_allowed"]],
    disabled: [["rooms_disabled", "rooms_disabled"], ["rooms_disabled", "rooms_disabled"], ["rooms_disabled", "rooms_disabled"], ["rooms_disabled", "rooms_disabled"]],
  };
  for (const [policy, rows] of Object.entries(table) as [GroupPolicy, [string, string][]][]) {
    for (const [index, [title, entry]] of entries.entries()) {
      const [alice, mallory] = rows[index] as [string, string];
      it(`[ACL-4][ACL-5][ACL-6][ACL-8] ${policy}, ${title}: Alice ${alice}, Mallory ${mallory}`, async () => {
        const config: MatrixAccountConfig = { groupPolicy: policy, groupAllowFrom: [MALLORY] };
        expect(await inRoom(config, entry, ALICE)).toBe(alice);
        expect(await inRoom(config, entry, MALLORY)).toBe(mallory);
      });
      it(`[ACL-4] ${policy} as channels.defaults.groupPolicy, ${title}: the same`, async () => {
        expect(await inRoom({ groupAllowFrom: [MALLORY] }, entry, ALICE, { defaults: policy })).toBe(alice);
      });
    }
  }

  it("[ACL-16] a pairing approval opens no room", async () => {
    expect(await inRoom({ groupAllowFrom: [ALICE] }, {}, MALLORY)).toBe("room_sender_not_allowed");
  });

  const gates: [string, MatrixRoomConfig, boolean, string][] = [
    ["requireMention by default", {}, false, "no_mention"],
    ["a mention", {}, true, "answer"],
    ["requireMention false", { requireMention: false }, false, "answer"],
    ["autoReply true over requireMention", { requireMention: true, autoReply: true }, false, "answer"],
    ["autoReply false over requireMention", { requireMention: false, autoReply: false }, false, "no_mention"],
    ["autoReply false, and a mention", { requireMention: false, autoReply: false }, true, "answer"],
  ];
  for (const [title, entry, mentioned, wanted] of gates) {
    it(`[MEN-1][MEN-2] ${title}${mentioned ? "" : ", unmentioned"}: ${wanted}`, async () => {
      expect(await inRoom({ groupPolicy: "open" }, entry, ALICE, { mentioned })).toBe(wanted);
    });
  }

  it("[ACL-13] a listed sender's command needs no mention", async () => {
    expect(await inRoom({ groupAllowFrom: [ALICE] }, {}, ALICE, { mentioned: false, isCommand: true })).toBe("answer");
    expect(await inRoom({ groupAllowFrom: [ALICE] }, {}, MALLORY, { mentioned: true, isCommand: true })).toMatch(/room_sender_not_allowed|command_not_allowed/);
  });

  it("[ACL-13] in an open room everybody talks, and commands are the listed senders'", async () => {
    const open: MatrixAccountConfig = { groupPolicy: "open", groupAllowFrom: [ALICE] };
    expect(await inRoom(open, undefined, MALLORY)).toBe("answer");
    expect(await inRoom(open, undefined, ALICE, { isCommand: true })).toBe("answer");
    expect(await inRoom(open, undefined, MALLORY, { isCommand: true })).toBe("command_not_allowed");
  });
});

describe("entries and bots", () => {
  const entries: [string, string | undefined][] = [
    ["@alice:example.org", ALICE],
    ["matrix:@alice:example.org", ALICE],
    ["matrix:user:@alice:example.org", ALICE],
    [" @alice:example.org ", ALICE],
    ["*", "*"],
    ["@Alice:example.org", "@Alice:example.org"],
    ["alice", undefined],
    ["@alice", undefined],
    ["alice:example.org", undefined],
    ["@alice:example.org @mallory:example.org", undefined],
  ];
  for (const [entry, wanted] of entries) {
    it(`[ACL-2] ${JSON.stringify(entry)} stands for ${wanted ?? "nobody"}`, () => {
      expect(normalizeUserEntry(entry)).toBe(wanted);
    });
  }

  const modes: [MatrixAccountConfig["allowBots"], MatrixRoomConfig["allowBots"], string][] = [
    [undefined, undefined, "off"],
    [true, undefined, "all"],
    ["mentions", undefined, "mentions"],
    [true, false, "off"],
    [false, "mentions", "mentions"],
    ["mentions", true, "all"],
  ];
  for (const [account, room, wanted] of modes) {
    it(`[BOT-2] allowBots ${String(account)}, in the room ${String(room)}: ${wanted}`, () => {
      expect(botMode({ allowBots: account }, room === undefined ? undefined : { allowBots: room })).toBe(wanted);
    });
  }
});
