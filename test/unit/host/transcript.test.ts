import { describe, expect, it } from "vitest";
import { answerIn, endsUnanswered, failedIn, hostDelivers } from "../../../ts/host/transcript.ts";

const asked = (messageId: string) => ({ type: "message", message: { role: "user", content: "a question", __openclaw: { transport: { channel: "matrix", messageId } } } });
const said = (text: string, stopReason = "stop") => ({ type: "message", message: { role: "assistant", content: [{ type: "text", text }], stopReason } });
const custom = { type: "custom", customType: "openclaw:bootstrap-context:full", data: {} };

describe("the answer that a transcript has for a message", () => {
  it("[SES-11] is the last text before the next question", () => {
    const events = [asked("$one"), said("one"), custom, asked("$two"), said("let me see", "toolUse"), { message: { role: "toolResult", content: "…" } }, said("two"), custom, asked("$three"), said("three")];
    expect(answerIn(events, "$one")).toBe("one");
    expect(answerIn(events, "$two")).toBe("two");
    expect(answerIn(events, "$three")).toBe("three");
  });

  it("[SES-11] is none while the answer is not finished, or belongs to what the host asked after a restart", () => {
    expect(answerIn([asked("$one")], "$one")).toBeUndefined();
    expect(answerIn([asked("$one"), said("let me", "toolUse")], "$one")).toBeUndefined();
    expect(answerIn([asked("$one"), said("let", "aborted")], "$one")).toBeUndefined();
    expect(answerIn([asked("$one"), { message: { role: "user", content: "[System] interrupted" } }, said("one")], "$one")).toBeUndefined();
    expect(answerIn([asked("$one"), said("one")], "$two")).toBeUndefined();
  });

  it("[SES-11] is none where the host has resumed the session with it: the agent has said it again", () => {
    const resumed = { message: { role: "user", content: [{ type: "text", text: "[System] Your previous turn was interrupted by a gateway restart while …" }] } };
    expect(answerIn([asked("$one"), said("one"), resumed, said("one")], "$one")).toBeUndefined();
    expect(answerIn([asked("$one"), said("one"), resumed], "$one")).toBeUndefined();
  });

  it("[SES-11] is none where the host has to read the text first", () => {
    for (const text of ["NO_REPLY", "MEDIA:/tmp/a.png", "[[reply_to_current]] yes", " "]) expect(answerIn([asked("$one"), said(text)], "$one"), text).toBeUndefined();
  });

  it("[SES-11] is found under the id of a later try, and the other way round", () => {
    expect(answerIn([asked("$one#1"), said("one")], "$one")).toBe("one");
    expect(answerIn([asked("$one"), said("one")], "$one#2")).toBe("one");
  });

  it("[SES-11] is the host's to deliver where it resumes with it, and ours where its delivery had begun", () => {
    const entry = (states: string[], more: object = {}) => ({ pendingFinalDelivery: { kind: "replayable", deliveries: states.map((state) => ({ state })) }, ...more });
    const interrupted = { status: "running", abortedLastRun: true };
    expect(hostDelivers(interrupted)).toBe(false);
    expect(hostDelivers(entry(["prepared"], interrupted))).toBe(true);
    expect(hostDelivers(entry(["delivered", "suppressed"], interrupted))).toBe(true);
    for (const states of [["queued"], ["unknown"], ["delivered", "queued"], ["suppressed"]]) expect(hostDelivers(entry(states, interrupted)), states.join()).toBe(false);
    expect(hostDelivers(entry(["prepared"]))).toBe(false);
    expect(hostDelivers({ ...interrupted, pendingFinalDelivery: { kind: "transport-only", deliveries: [{ state: "prepared" }] } })).toBe(false);
  });

  it("[SES-11] tells a message that nobody will answer from one that was answered in silence, or has others behind it", () => {
    expect(endsUnanswered([said("zero"), asked("$one")], "$one")).toBe(true);
    expect(endsUnanswered([asked("$one"), said("let", "aborted")], "$one")).toBe(true);
    expect(endsUnanswered([asked("$one"), said("NO_REPLY")], "$one")).toBe(false);
    expect(endsUnanswered([asked("$one"), asked("$two")], "$one")).toBe(false);
    expect(endsUnanswered([asked("$one")], "$two")).toBe(false);
  });

  it("[SES-11] tells a session whose newest run failed, whatever was sent to the room behind it", () => {
    const mirror = { message: { role: "assistant", model: "delivery-mirror", stopReason: "stop", content: [{ type: "text", text: "⚠️ Agent run failed." }] } };
    expect(failedIn([asked("$one"), said("", "error"), mirror])).toBe(true);
    expect(failedIn([asked("$one"), said("", "error"), said("one")])).toBe(false);
    expect(failedIn([asked("$one"), said("", "error"), asked("$two")])).toBe(false);
    expect(failedIn([])).toBe(false);
  });
});
