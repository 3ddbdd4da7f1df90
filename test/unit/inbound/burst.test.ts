import { afterEach, describe, expect, it } from "vitest";
import type { InboundMessage } from "../../../ts/native/account.ts";
import { ALICE, CAROL, DM, ROOM, run, type Running } from "../support/running.ts";

let running: Running | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

function start(inbound: Record<string, unknown> | undefined, messages: Record<string, unknown> = {}): Running {
  running = run({ matrix: { dm: { policy: "open", allowFrom: ["*"] }, groups: { [ROOM]: { requireMention: false } } }, rest: { messages: { inbound, ...messages } } });
  return running;
}

async function settled(on: Running, events: readonly InboundMessage[]): Promise<void> {
  await on.account.until(() => events.every((event) => on.account.stateOf(event) === "settled"));
}

describe("messages in quick succession", () => {
  it("[HST-2] are one turn with all lines, answered once, and every row is settled with it", async () => {
    const on = start({ debounceMs: 60 });
    const events = ["one", "two", "three"].map((text) => on.account.say(text, { roomId: DM, sender: ALICE }));
    await settled(on, events);
    expect(on.host.turns.map((turn) => turn.ctx.message.commandBody)).toEqual(["one\ntwo\nthree"]);
    expect(on.host.prompts()[0]).toContain(`one\ntwo\nthree\n[matrix event id: ${events[2]?.eventId}`);
    expect(on.account.sent.filter((one) => one.type === "text")).toHaveLength(1);
  });

  it("[HST-2] not by default, not by another person, and `byChannel.matrix` has the last word", async () => {
    const off = start(undefined);
    await settled(off, [off.account.say("one", { roomId: DM }), off.account.say("two", { roomId: DM })]);
    expect(off.host.turns).toHaveLength(2);
    await running?.stop();
    const on = start({ debounceMs: 0, byChannel: { matrix: 60 } });
    await settled(on, [on.account.say("one", { roomId: ROOM, sender: ALICE }), on.account.say("two", { roomId: ROOM, sender: CAROL })]);
    expect(on.host.turns.map((turn) => turn.ctx.message.commandBody).sort()).toEqual(["one", "two"]);
  });

  it("[HST-2] a command goes at once, behind what was said before it", async () => {
    const on = start({ debounceMs: 5000 });
    const begun = Date.now();
    await settled(on, [on.account.say("one", { roomId: DM, sender: ALICE }), on.account.say("/status", { roomId: DM, sender: ALICE })]);
    expect(on.host.turns.map((turn) => turn.ctx.message.commandBody)).toEqual(["one", "/status"]);
    expect(Date.now() - begun).toBeLessThan(4000);
  });

  it("[HST-2] a turn that fails brings all of them back, and one of them tells", async () => {
    const on = start({ debounceMs: 40 });
    on.host.script = async (_turn, { deliver }) => {
      await deliver({ text: "⚠️ The model is down.", isError: true });
    };
    const events = ["one", "two"].map((text) => on.account.say(text, { roomId: DM, sender: ALICE }));
    await on.account.until(() => events.every((event) => on.account.stateOf(event) === "dead"));
    expect(on.account.sent.flatMap((one) => (one.type === "text" ? [one.markdown] : []))).toEqual(["⚠️ The model is down."]);
  });
});

describe("talk that the agent only listens to", () => {
  const listening = { groupChat: { unmentionedInbound: "room_event" } };

  it("[HST-10][MEN-10] is a quiet event: no typing, no reaction; a mention, a command and a direct message are requests", async () => {
    const on = start(undefined, { ...listening, ackReaction: "👀", ackReactionScope: "all" });
    on.host.script = async () => undefined;
    const kindOf = async (text: string, event: Partial<Omit<InboundMessage, "type" | "seq">>) => {
      await settled(on, [on.account.say(text, event)]);
      return (on.host.turns.at(-1)?.ctx.message as { inboundEventKind?: string } | undefined)?.inboundEventKind;
    };
    expect(await kindOf("just talking", { roomId: ROOM })).toBe("room_event");
    expect(on.account.typing).toEqual([]);
    expect(on.account.sent).toEqual([]);
    expect(await kindOf(`${on.account.identity.userId}: hello`, { roomId: ROOM })).toBe("user_request");
    expect(await kindOf("/status", { roomId: ROOM })).toBe("user_request");
    expect(await kindOf("hello", { roomId: DM })).toBe("user_request");
  });
});
