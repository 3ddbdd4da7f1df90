import { describe, expect, it } from "vitest";
import { resolveMatrixAccount } from "../../../ts/config/accounts.ts";
import { AccountStatus } from "../../../ts/gateway/account-status.ts";
import { retryDelay } from "../../../ts/gateway/backoff.ts";
import { laneOf } from "../../../ts/gateway/ingress.ts";
import { Lanes } from "../../../ts/gateway/lanes.ts";
import { trouble } from "../../../ts/gateway/sentences.ts";
import type { InboundMessage } from "../../../ts/native/account.ts";

function gate(): { open: () => void; opened: Promise<void> } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

describe("lanes", () => {
  it("[OUT-6] a thread has a lane of its own where it has a session of its own", () => {
    const apart = (matrix: Record<string, unknown>) => {
      const resolved = resolveMatrixAccount({ channels: { matrix: { homeserver: "https://example.org", ...matrix } } } as never);
      const event = (threadRootId?: string) => ({ type: "message", roomId: "!room:example.org", eventId: "$e", threadRootId }) as InboundMessage;
      return laneOf(event("$root"), resolved) !== laneOf(event(), resolved);
    };
    expect(apart({})).toBe(true);
    expect(apart({ threadReplies: "always" })).toBe(true);
    expect(apart({ threadReplies: "off" })).toBe(false);
    expect(apart({ dm: { threadReplies: "off" } })).toBe(false);
    expect(apart({ groups: { "!room:example.org": { threadReplies: "off" } } })).toBe(false);
    expect(apart({ groups: { "!other:example.org": { threadReplies: "off" } } })).toBe(true);
  });

  it("keep the order inside one lane and do not wait across lanes", async () => {
    const lanes = new Lanes(10);
    const slow = gate();
    const order: string[] = [];
    lanes.add("a", async () => {
      await slow.opened;
      order.push("a1");
    });
    lanes.add("a", async () => void order.push("a2"));
    lanes.add("b", async () => void order.push("b1"));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(order).toEqual(["b1"]);
    slow.open();
    await lanes.idle();
    expect(order).toEqual(["b1", "a1", "a2"]);
    expect(lanes.size).toBe(0);
  });

  it("move on as soon as work gives its lane free", async () => {
    const lanes = new Lanes(10);
    const slow = gate();
    const order: string[] = [];
    lanes.add("a", async (release) => {
      release();
      await slow.opened;
      order.push("first");
    });
    lanes.add("a", async () => void order.push("second"));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(order).toEqual(["second"]);
    slow.open();
    await lanes.idle();
  });

  it("take no more than the limit at once", async () => {
    const lanes = new Lanes(2);
    const slow = gate();
    lanes.add("a", () => slow.opened);
    lanes.add("b", () => slow.opened);
    let room = false;
    const waiting = lanes.room().then(() => (room = true));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(room).toBe(false);
    slow.open();
    await waiting;
    expect(room).toBe(true);
  });
});

describe("pauses and sentences", () => {
  it("[AUT-7] retries wait 2 s, doubling to a minute, a fifth more or less", () => {
    expect([1, 2, 3, 6, 50].map((attempt) => retryDelay(attempt, () => 0.5))).toEqual([2000, 4000, 8000, 60_000, 60_000]);
    expect(retryDelay(1, () => 0)).toBe(1600);
    expect(retryDelay(1, () => 1)).toBe(2400);
  });

  it("[STA-4] help that the core has already given is not given twice; where its keys stand is added", () => {
    const place = { path: "channels.matrix.accounts.ops", accountId: "ops" };
    const help = (message: string) => trouble("address_blocked", message, place).message;
    expect(help("10.0.0.1 is private")).toBe("10.0.0.1 is private. If the homeserver is meant to be private, set channels.matrix.accounts.ops.network.dangerouslyAllowPrivateNetwork to true.");
    expect(help(help("10.0.0.1 is private"))).toBe(help("10.0.0.1 is private"));
    expect(help("set `network.dangerouslyAllowPrivateNetwork: true`")).toBe("set `network.dangerouslyAllowPrivateNetwork: true`. The keys stand under channels.matrix.accounts.ops.");
  });

  it("[STA-2] an unchanged state is told now and then, a changed one at once", () => {
    const told: unknown[] = [];
    const status = new AccountStatus({ getStatus: () => ({ accountId: "a" }), setStatus: (next) => told.push(next) }, "a");
    status.follow({ lifecycle: "ready", lastTransportActivityAt: 1 }, 100_000);
    status.follow({ lifecycle: "ready", lastTransportActivityAt: 2 }, 101_000);
    status.follow({ lifecycle: "recovering" }, 102_000);
    status.follow({ lifecycle: "ready", lastTransportActivityAt: 3 }, 103_000);
    status.follow({ lifecycle: "ready", lastTransportActivityAt: 4 }, 114_000);
    expect(told).toHaveLength(4);
  });
});
