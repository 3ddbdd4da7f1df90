import { afterEach, describe, expect, it } from "vitest";
import { viaServers } from "../../../ts/inbound/invite.ts";
import { ALICE, run, type Running } from "../support/running.ts";

let running: Running | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function invite(matrix: Record<string, unknown>, roomId: string, prepare?: (on: Running) => void): Promise<Running> {
  const on = run({ matrix });
  running = on;
  prepare?.(on);
  const event = on.account.push({ type: "invite", roomId, sender: ALICE, isDirect: true, roomEncrypted: false, eventId: undefined });
  await on.account.until(() => on.account.stateOf(event) === "settled");
  return on;
}

describe("invites", () => {
  const accepted: [string, string, Record<string, unknown>, string][] = [
    ["INV-1", "autoJoin: always", { autoJoin: "always" }, "!any:example.org"],
    ["INV-2", "a listed room", { autoJoin: "allowlist", autoJoinAllowlist: ["!any:example.org"] }, "!any:example.org"],
    ["INV-2", "a listed room of version 12", { autoJoin: "allowlist", autoJoinAllowlist: ["!v12hash"] }, "!v12hash"],
    ["INV-2", "a listed room with a target's prefix", { autoJoin: "allowlist", autoJoinAllowlist: ["matrix:room:!any:example.org"] }, "!any:example.org"],
    ["INV-2", "*", { autoJoin: "allowlist", autoJoinAllowlist: ["*"] }, "!any:example.org"],
    ["INV-4", "a listed inviter", { autoJoin: "allowlist", autoJoinFrom: [ALICE] }, "!any:example.org"],
    ["INV-4", "a listed server", { autoJoinFrom: ["*:example.org"] }, "!any:example.org"],
  ];
  for (const [id, title, matrix, roomId] of accepted) {
    it(`[${id}] accepted: ${title}`, async () => {
      const on = await invite(matrix, roomId);
      expect(on.account.joined.map((join) => join.room)).toEqual([roomId]);
    });
  }

  it("[INV-2] accepted: an alias that the homeserver resolves to the room", async () => {
    const on = await invite({ autoJoin: "allowlist", autoJoinAllowlist: ["#team:example.org"] }, "!team:example.org", ({ account }) =>
      account.aliases.set("#team:example.org", { roomId: "!team:example.org", via: [] }),
    );
    expect(on.account.joined).toHaveLength(1);
  });

  it("[INV-4] accepted: somebody whose pairing was approved", async () => {
    const on = await invite({ autoJoinFrom: ["paired"] }, "!any:example.org", ({ host }) => host.paired.push(ALICE));
    expect(on.account.joined).toHaveLength(1);
  });

  const pending: [string, Record<string, unknown>, string][] = [
    ["autoJoin is off", {}, "autoJoin"],
    ["the room is not listed", { autoJoin: "allowlist", autoJoinAllowlist: ["!other:example.org"] }, "autoJoinAllowlist"],
    ["only a name is listed", { autoJoin: "allowlist", autoJoinAllowlist: ["any"] }, "autoJoinAllowlist"],
    ["another server is listed", { autoJoinFrom: ["*:other.org"] }, "autoJoin"],
    ["nobody is paired", { autoJoinFrom: ["paired"] }, "autoJoin"],
  ];
  for (const [title, matrix, key] of pending) {
    it(`[INV-1] left pending: ${title}; the log names the key`, async () => {
      const on = await invite(matrix, "!any:example.org");
      expect(on.account.joined).toEqual([]);
      expect(on.log.join("\n")).toContain(`channels.matrix.${key}`);
    });
  }

  it("[INV-5] joins through the inviter's server and the room's", () => {
    expect(viaServers({ roomId: "!r:rooms.org", sender: "@a:people.org" })).toEqual(["people.org", "rooms.org"]);
    expect(viaServers({ roomId: "!v12hash", sender: "@a:people.org" })).toEqual(["people.org"]);
  });
});
