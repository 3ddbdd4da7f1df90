import { describe, expect, it } from "vitest";
import { explain, explainLines } from "../../../ts/cli/explain.ts";
import { accept, leave, list, reject } from "../../../ts/cli/invites.ts";
import type { CommandHost } from "../../../ts/cli/run.ts";
import { type ExplainReport, readExplain } from "../../../ts/operations/explain.ts";
import { FakeAccount } from "../support/fake-account.ts";
import { FakeNative, LOGIN } from "../support/running.ts";

const cfg = { channels: { matrix: LOGIN } };

/** A host without a gateway. */
function alone(account: FakeAccount): CommandHost {
  return {
    cfg,
    native: () => new FakeNative(() => account),
    stateRoot: "/nonexistent",
    call: async () => {
      throw Object.assign(new Error("gateway closed (ECONNREFUSED)"), { name: "GatewayTransportError", kind: "closed", connectionDetails: {} });
    },
  };
}

const REPORT: ExplainReport = {
  accountId: "default",
  userId: "@bot:example.org",
  user: "@carol:example.org",
  room: { roomId: "!r:example.org", name: "Team", membership: "join", kind: "room", because: "listed_in_groups", entry: "!r:example.org" },
  policy: { dmPolicy: null, groupPolicy: "allowlist", requireMention: true },
  agentId: "main",
  sessionKey: "agent:main:matrix:channel:!r:example.org",
  message: { outcome: "dropped", reason: "no_mention", detail: null, fix: "mention the bot" },
  mention: { outcome: "answered", reason: null, detail: null, fix: null },
  command: { outcome: "dropped", reason: "command_not_allowed", detail: "control_command_unauthorized", fix: "commands are for senders in channels.matrix.groupAllowFrom" },
  invite: null,
  drops: [{ reason: "no_mention", detail: null, fix: null, count: 3, lastAt: "2026-01-01T00:00:00.000Z" }],
};

describe("matrix explain", () => {
  it("[STA-4] asks the gateway, and says rule by rule what comes of it and what to change", async () => {
    const asked: unknown[] = [];
    const host: CommandHost = {
      cfg,
      call: async (method, _options, params) => {
        asked.push(method, params);
        return { ...REPORT };
      },
    };
    const outcome = await explain(host, { room: "room:!r:example.org", user: "@carol:example.org" });
    expect(asked).toEqual(["matrix.explain", { room: "!r:example.org", user: "@carol:example.org", accountId: "default" }]);
    expect(outcome).toMatchObject({ json: REPORT, exitCode: 0 });
    expect(outcome.lines).toEqual([
      'Account default (@bot:example.org), room !r:example.org "Team", user @carol:example.org',
      "Taken for a room: it has an entry of its own in groups (listed_in_groups)",
      "Policy: groupPolicy allowlist, entry !r:example.org in groups, mention required",
      "Goes to: agent main, session agent:main:matrix:channel:!r:example.org",
      "A message: not answered (no_mention)",
      "  To change that: mention the bot.",
      "A message that mentions the bot: answered",
      "A command: not answered (command_not_allowed: control_command_unauthorized)",
      "  To change that: commands are for senders in channels.matrix.groupAllowFrom.",
      "Not answered here since the account started:",
      "  3 × no_mention, last at 2026-01-01 00:00:00 UTC",
    ]);
  });

  it("[STA-4] of a room the account is not in says what an invite comes to", () => {
    const lines = explainLines({
      ...REPORT,
      room: { ...REPORT.room, membership: "unknown", kind: null, because: null },
      message: null,
      mention: null,
      command: null,
      invite: { accepted: false, because: "invite_not_allowed", fix: "set channels.matrix.autoJoin" },
      drops: [],
    });
    expect(lines.slice(1)).toEqual([
      "The account is not in this room (membership: unknown).",
      "An invite from this user: left pending (invite_not_allowed)",
      "  To change that: set channels.matrix.autoJoin.",
    ]);
  });

  it("[STA-4] names what is missing or wrong, and needs the gateway", async () => {
    await expect(explain(alone(new FakeAccount()), { user: "@a:b.c" })).rejects.toThrow("--room");
    await expect(explain(alone(new FakeAccount()), { room: "!r:b.c" })).rejects.toThrow("--user");
    expect(() => readExplain({ room: "Team", user: "@a:b.c" })).toThrow("!…");
    expect(() => readExplain({ room: "!r", user: "alice" })).toThrow("@user:server");
    await expect(explain(alone(new FakeAccount()), { room: "!r:b.c", user: "@a:b.c" })).rejects.toThrow("openclaw gateway run");
  });
});

describe("matrix invites and rooms", () => {
  function invited(): FakeAccount {
    const account = new FakeAccount();
    account.pendingInvites = [
      { roomId: "!a:rooms.org", inviter: "@carol:people.org", roomName: "Garden\nSYSTEM", isDirect: false },
      { roomId: "!b", canonicalAlias: "#b:rooms.org", isDirect: true },
    ];
    return account;
  }

  it("[INV-5] lists them, with who invites", async () => {
    const outcome = await list(alone(invited()), {});
    expect(outcome.json).toMatchObject({ invites: [{ roomId: "!a:rooms.org", inviter: "@carol:people.org" }, { roomId: "!b", inviter: null, alias: "#b:rooms.org", direct: true }] });
    expect(outcome.lines[1]).toContain("Garden SYSTEM");
    expect((await list(alone(new FakeAccount()), {})).lines).toEqual(["No invites wait."]);
  });

  it("[INV-5] accepts one through the inviter's server, rejects one, leaves a room", async () => {
    const account = invited();
    await accept(alone(account), {}, ["!a:rooms.org"]);
    expect(account.joined).toEqual([{ room: "!a:rooms.org", via: ["people.org", "rooms.org"] }]);
    const second = invited();
    await reject(alone(second), {}, ["#b:rooms.org"]);
    expect(second.left).toEqual(["!b"]);
    const third = invited();
    third.aliases.set("#c:rooms.org", { roomId: "!c:rooms.org", via: [] });
    await leave(alone(third), {}, ["room:#c:rooms.org"]);
    expect(third.left).toEqual(["!c:rooms.org"]);
  });

  it("[INV-5] an invite that is not there is named, with those that are", async () => {
    await expect(accept(alone(invited()), {}, ["!z:rooms.org"])).rejects.toThrow("There is no invite to !z:rooms.org; invites wait to !a:rooms.org, !b.");
    await expect(reject(alone(new FakeAccount()), {}, ["!z:rooms.org"])).rejects.toThrow("no invite waits");
    await expect(accept(alone(invited()), {}, [])).rejects.toThrow("room's id");
  });
});
