import { describe, expect, it } from "vitest";
import { createMessaging } from "../../../ts/outbound/messaging.ts";
import { eventIdOf, normalizeTarget, parseTarget } from "../../../ts/outbound/target.ts";

describe("targets", () => {
  /** As in a process in which no account runs. */
  const messaging = createMessaging(async () => undefined);
  const forms: [string, string][] = [
    ["@u:example.org", "user:@u:example.org"],
    ["user:@u:example.org", "user:@u:example.org"],
    ["matrix:user:@u:example.org", "user:@u:example.org"],
    ["!Room:example.org", "room:!Room:example.org"],
    ["!v12hash", "room:!v12hash"],
    ["room:!Room", "room:!Room"],
    ["matrix:room:!Room:example.org", "room:!Room:example.org"],
    ["#alias:example.org", "room:#alias:example.org"],
    ["channel:#alias:example.org", "room:#alias:example.org"],
  ];
  for (const [form, normal] of forms) {
    it(`[SES-9][DIR-3][DIR-4] ${form} is ${normal}`, () => {
      expect(normalizeTarget(form)).toBe(normal);
      expect(messaging.targetResolver?.looksLikeId?.(form)).toBe(true);
    });
  }

  for (const form of ["alice", "", "@alice", "#alias", "!", "room:", "$event"]) {
    it(`[SES-9] "${form}" is no destination`, () => {
      expect(parseTarget(form)).toBeUndefined();
      expect(messaging.targetResolver?.looksLikeId?.(form)).toBe(false);
    });
  }

  it("only event ids are relations", () => {
    expect(eventIdOf("$e")).toBe("$e");
    expect(eventIdOf("123")).toBeUndefined();
    expect(eventIdOf(7)).toBeUndefined();
  });

  it("[SES-8] a direct message named by its room is the person's session, and goes to that room", async () => {
    const known = createMessaging(async () => ({ direct: true, peer: { kind: "direct", id: "@u:example.org" } }));
    const [byRoom, byPerson] = await Promise.all(
      ["!dm:example.org", "@u:example.org"].map((target) => known.resolveOutboundSessionRoute?.({ cfg: { session: { dmScope: "per-channel-peer" } }, agentId: "main", accountId: "default", target })),
    );
    expect(byRoom).toMatchObject({ chatType: "direct", to: "room:!dm:example.org" });
    expect(byRoom?.sessionKey).toBe(byPerson?.sessionKey);
  });

  it("[SES-8] a send's session is the conversation's: a room by its id, a person by theirs, a thread by its root", async () => {
    const route = (target: string, threadId?: string) => messaging.resolveOutboundSessionRoute?.({ cfg: {}, agentId: "main", accountId: "default", target, threadId });
    expect(await route("!room:example.org")).toMatchObject({ sessionKey: "agent:main:matrix:channel:!room:example.org", to: "room:!room:example.org" });
    expect(await route("@u:example.org")).toMatchObject({ chatType: "direct", to: "user:@u:example.org" });
    expect(await route("!Room:example.org", "$Root")).toMatchObject({ sessionKey: "agent:main:matrix:channel:!Room:example.org:thread:$Root" });
  });
});
