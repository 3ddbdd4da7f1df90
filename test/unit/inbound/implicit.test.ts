import { afterEach, describe, expect, it } from "vitest";
import { implicitSettings, linkedEvents } from "../../../ts/inbound/implicit.ts";
import type { InboundMessage } from "../../../ts/native/account.ts";
import { ALICE, CAROL, ROOM, run, type Running } from "../support/running.ts";

let running: Running | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

function start(matrix: Record<string, unknown> = {}): Running {
  running = run({ matrix: { groups: { [ROOM]: {} }, ...matrix } });
  const said = (eventId: string, sender: string) => running?.account.messages.set(`${ROOM} ${eventId}`, { eventId, sender, originServerTs: 1, kind: "text", text: "said" });
  said("$ours", "@bot:example.org");
  said("$theirs", CAROL);
  return running;
}

async function answered(on: Running, event: Partial<Omit<InboundMessage, "type" | "seq">>, text = "what about that?"): Promise<boolean> {
  const before = on.account.texts().length;
  const pushed = on.account.say(text, { roomId: ROOM, sender: ALICE, ...event });
  await on.account.until(() => on.account.stateOf(pushed) === "settled");
  return on.account.texts().length > before;
}

describe("messages that name nobody and are meant for us", () => {
  it("[MEN-8][HST-1] a reply to our message is, one to another's is not", async () => {
    const on = start();
    expect(await answered(on, { replyToId: "$ours" })).toBe(true);
    expect(await answered(on, { replyToId: "$theirs" })).toBe(false);
  });

  it("[MEN-8][HST-1] a thread we have spoken in is, and one that began with our message; another is not", async () => {
    const on = start();
    expect(await answered(on, { threadRootId: "$theirs" })).toBe(false);
    expect(await answered(on, { threadRootId: "$theirs" }, "@bot:example.org join us")).toBe(true);
    expect(await answered(on, { threadRootId: "$theirs" })).toBe(true);
    expect(await answered(on, { threadRootId: "$ours" })).toBe(true);
  });

  it("[HST-1] a quote counts where the settings say so", async () => {
    const link = `https://matrix.to/#/${encodeURIComponent(ROOM)}/%24ours?via=example.org`;
    expect(await answered(start(), {}, link)).toBe(false);
    await running?.stop();
    expect(await answered(start({ implicitMentions: { quotedBot: true } }), {}, link)).toBe(true);
  });

  it("[HST-1] each is switched off by its key, and by the host's default where the account has none", async () => {
    const on = start({ implicitMentions: { replyToBot: false, threadParticipation: false } });
    expect(await answered(on, { replyToId: "$ours" })).toBe(false);
    expect(await answered(on, { threadRootId: "$ours" })).toBe(false);
    on.host.setMatrix({ groups: { [ROOM]: {} } }, { implicitMentions: { replyToBot: false } });
    expect(await answered(on, { replyToId: "$ours" })).toBe(false);
    expect(await answered(on, { threadRootId: "$ours" })).toBe(true);
  });

  it("[HST-1] the account's word comes before the host's, which comes before ours", () => {
    expect(implicitSettings({})).toEqual({ replyToBot: true, quotedBot: false, threadParticipation: true });
    expect(implicitSettings({ implicitMentions: { quotedBot: true } }, { quotedBot: false, replyToBot: false })).toEqual({ replyToBot: false, quotedBot: true, threadParticipation: true });
  });

  it("[HST-1] links to this room's events are found in every spelling, others are not", () => {
    const text = `see https://matrix.to/#/!room:example.org/$one and <a href="https://matrix.to/#/!room%3Aexample.org/%24two">x</a> matrix:roomid/room:example.org/e/three https://matrix.to/#/!other:example.org/$four https://matrix.to/#/!room:example.org/%E0%A4%A`;
    expect(linkedEvents(text, ROOM)).toEqual(["$one", "$two", "$three"]);
  });

  it("[BOT-2] they are no visible mention: another account of this gateway is still not answered", async () => {
    const ops = "@ops:example.org";
    const on = start({ allowBots: "mentions", accounts: { ops: { homeserver: "https://example.org", accessToken: "y", userId: ops } } });
    expect(await answered(on, { replyToId: "$ours", sender: ops })).toBe(false);
  });
});
