import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { challenge, REMINDER_PAUSE_MS } from "../../../ts/inbound/pairing.ts";
import { FakeHost } from "../support/fake-host.ts";
import { CAROL, DM, run, type Running } from "../support/running.ts";

describe("the challenge", () => {
  const host = new FakeHost({});
  const ask = (sender: string, now: number) => challenge({ runtime: host.runtime, accountId: "default", sender, roomId: "!dm:example.org", now });

  it("[PAI-2] tells one code, reminds after a pause, and is quiet between", async () => {
    const first = await ask("@p1:example.org", 0);
    expect(first).toMatchObject({ kind: "tell", created: true });
    expect(await ask("@p1:example.org", 1000)).toEqual({ kind: "quiet" });
    const reminder = await ask("@p1:example.org", REMINDER_PAUSE_MS);
    expect(reminder).toMatchObject({ kind: "tell", created: false });
    if (first.kind !== "tell" || reminder.kind !== "tell") throw new Error("unreachable");
    const code = /CODE\d+/.exec(first.text)?.[0];
    expect(reminder.text).toContain(code);
    expect(await ask("@p1:example.org", REMINDER_PAUSE_MS + 1)).toEqual({ kind: "quiet" });
  });

  it("[PAI-1] is quiet when the host gives no code any more", async () => {
    const full = new FakeHost({});
    vi.spyOn(full.runtime.channel.pairing, "upsertPairingRequest").mockResolvedValue({ code: "", created: false });
    expect(await challenge({ runtime: full.runtime, accountId: "a", sender: "@x:example.org", roomId: "!x:example.org", now: 0 })).toEqual({ kind: "quiet" });
  });
});

describe("an unknown person's direct message", () => {
  let on: Running;
  beforeEach(() => {
    on = run();
  });
  afterEach(() => on.stop());

  it("[PAI-1] is answered with a code and does not reach the agent", async () => {
    const event = on.account.say("let me in", { roomId: DM, sender: CAROL });
    await on.account.until(() => on.account.stateOf(event) === "settled");
    expect(on.account.texts()).toHaveLength(1);
    expect(on.account.texts()[0]).toContain("Pairing code: CODE1");
    expect(on.account.texts()[0]).toContain(CAROL);
    expect(on.host.turns).toHaveLength(0);
    expect(on.log.join("\n")).not.toContain("let me in");
  });

  it("[PAI-2] three times gets one code", async () => {
    for (const text of ["one", "two", "three"]) {
      const event = on.account.say(text, { roomId: DM, sender: "@dave:example.org" });
      await on.account.until(() => on.account.stateOf(event) === "settled");
    }
    expect(on.account.texts()).toHaveLength(1);
    expect(on.host.pairingRequests).toHaveLength(1);
  });

  it("[PAI-4] is answered by the agent once the pairing is approved", async () => {
    on.host.paired.push("@erin:example.org");
    const event = on.account.say("hello", { roomId: DM, sender: "@erin:example.org" });
    await on.account.until(() => on.account.stateOf(event) === "settled");
    expect(on.account.texts()).toEqual(["echo: hello"]);
  });
});
