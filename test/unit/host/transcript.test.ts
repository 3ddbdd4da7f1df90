import { describe, expect, it } from "vitest";
import { answerIn, failedIn } from "../../../ts/host/transcript.ts";

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

  it("[SES-11] is none where the host has to read the text first", () => {
    for (const text of ["NO_REPLY", "MEDIA:/tmp/a.png", "[[reply_to_current]] yes", " "]) expect(answerIn([asked("$one"), said(text)], "$one"), text).toBeUndefined();
  });

  it("[SES-11] tells a session whose newest run failed, whatever was sent to the room behind it", () => {
    const mirror = { message: { role: "assistant", model: "delivery-mirror", stopReason: "stop", content: [{ type: "text", text: "⚠️ Agent run failed." }] } };
    expect(failedIn([asked("$one"), said("", "error"), mirror])).toBe(true);
    expect(failedIn([asked("$one"), said("", "error"), said("one")])).toBe(false);
    expect(failedIn([asked("$one"), said("", "error"), asked("$two")])).toBe(false);
    expect(failedIn([])).toBe(false);
  });
});
