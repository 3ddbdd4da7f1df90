import { afterEach, describe, expect, it } from "vitest";
import type { InboundSkipped } from "../../../ts/native/account.ts";
import { ALICE, DM, type Running, type RunOptions, run } from "../support/running.ts";

let running: Running | undefined;
afterEach(() => running?.stop());

function start(options: RunOptions = {}): Running {
  running = run({ matrix: { dm: { policy: "open", allowFrom: ["*"] } }, ...options });
  return running;
}

const notice = (more: Partial<InboundSkipped> = {}) =>
  ({ type: "skipped", roomId: DM, eventId: undefined, bound: "maxEvents", atLeast: 12, since: Date.UTC(2026, 0, 2, 3, 4), until: Date.UTC(2026, 0, 5), ...more }) as const;

const lines = (on: Running) => on.log.filter((line) => line.includes("skipped"));

describe("a part of the history that is not read", () => {
  it("[HIS-4] is said in the log with its key, told to the agent with the next turn, and settled then", async () => {
    const on = start();
    const skipped = on.account.push<InboundSkipped>(notice());
    await on.account.until(() => lines(on).length === 1);
    expect(lines(on)[0]).toMatch(/at least 12 message\(s\) after 2026-01-02T03:04Z and before 2026-01-05T00:00Z in !dm:example.org .*channels\.matrix\.catchUp\.maxEvents/);
    expect(on.account.stateOf(skipped)).toBe("leased");
    const first = on.account.say("hello", { roomId: DM, sender: ALICE });
    await on.account.until(() => on.account.stateOf(first) === "settled");
    expect(on.host.prompts()[0]).toMatch(/^\[matrix: while you were away, at least 12 message\(s\)[^\n]*\]\nhello\n/);
    expect(on.account.stateOf(skipped)).toBe("settled");
    const second = on.account.say("again", { roomId: DM, sender: ALICE });
    await on.account.until(() => on.account.stateOf(second) === "settled");
    expect(on.host.prompts()[1]).not.toContain("while you were away");
  });

  it("[HIS-4] a notice that comes again after a restart is told, but not logged again; a failed turn keeps it", async () => {
    const on = start();
    const skipped = on.account.push<InboundSkipped>(notice({ bound: "refused", atLeast: 0, since: undefined, until: undefined, detail: "M_FORBIDDEN" }));
    await on.account.until(() => lines(on).length === 1);
    expect(lines(on)[0]).toContain("the homeserver does not give them: M_FORBIDDEN");
    on.account.restartInbox();
    let failed = false;
    on.host.script = async (_turn, { deliver }) => {
      if (!failed) {
        failed = true;
        throw new Error("no model");
      }
      await deliver({ text: "here" });
    };
    const asked = on.account.say("hello", { roomId: DM, sender: ALICE });
    await on.account.until(() => on.account.stateOf(asked) === "settled");
    expect(on.host.prompts().every((prompt) => prompt.startsWith("[matrix: while you were away, messages were said"))).toBe(true);
    expect(on.host.prompts()).toHaveLength(2);
    expect(on.account.stateOf(skipped)).toBe("settled");
    expect(lines(on)).toHaveLength(1);
  });
});
