import { describe, expect, it } from "vitest";
import { resolveMatrixAccount } from "../../../ts/config/accounts.ts";
import { createHeartbeat } from "../../../ts/outbound/heartbeat.ts";
import { FakeAccount } from "../support/fake-account.ts";

const cfg = {} as never;

describe("a heartbeat", () => {
  it("[STA-6] types in the target's room and stops; nobody gets a room for it", async () => {
    const account = new FakeAccount();
    const heartbeat = createHeartbeat(() => ({ account, resolved: resolveMatrixAccount({}, "default", {}) }));
    await heartbeat.sendTyping?.({ cfg, to: "room:!r:hs" });
    await heartbeat.clearTyping?.({ cfg, to: "matrix:room:!r:hs" });
    await heartbeat.sendTyping?.({ cfg, to: "user:@nobody:hs" });
    expect(account.typing).toEqual([
      { roomId: "!r:hs", typing: true },
      { roomId: "!r:hs", typing: false },
    ]);
    expect(await heartbeat.checkReady?.({ cfg })).toEqual({ ok: true, reason: "running" });
  });

  it("[STA-6] asks before it shows anything, and says why it cannot", async () => {
    const account = new FakeAccount();
    const heartbeat = createHeartbeat(() => ({ account, resolved: resolveMatrixAccount({}, "default", {}) }));
    const refuse = () => {
      throw new Error("not any more");
    };
    await expect(heartbeat.sendTypingGuarded?.({ cfg, to: "!r:hs", signal: new AbortController().signal, assertPlatformSendAuthorized: refuse })).rejects.toThrow("not any more");
    expect(account.typing).toEqual([]);
    const stopped = createHeartbeat(() => {
      throw new Error("The Matrix account does not run.");
    });
    expect(await stopped.checkReady?.({ cfg })).toEqual({ ok: false, reason: "The Matrix account does not run." });
  });
});
