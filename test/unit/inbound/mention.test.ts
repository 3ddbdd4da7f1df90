import { describe, expect, it } from "vitest";
import { detectMention, type MentionInput, stripAddress } from "../../../ts/inbound/mention.ts";

const SELF = { userId: "@bot:example.org", displayName: "Botty" };

function message(text: string, rest: Partial<MentionInput> = {}): MentionInput {
  return { text, body: text, pills: [], ...rest };
}

const us = { userIds: [SELF.userId], room: false };

describe("mention evidence", () => {
  const seen: [string, MentionInput, string][] = [
    ["a pill with a label", message("Botty: hi", { pills: [{ userId: SELF.userId, label: "Botty" }] }), "pill"],
    ["the user id in plain text", message("hey @bot:example.org, hi"), "user_id"],
    ["m.mentions and the name anywhere", message("thanks Botty for this", { mentions: us }), "name"],
    ["m.mentions and the local part", message("ask bot about it", { mentions: us }), "name"],
    ["FluffyChat's @[Name]", message("@[Botty] hi"), "name"],
    ["@ and the display name", message("hi @botty"), "name"],
    ["the name and a colon at the beginning", message("Botty: hi"), "name"],
    ["m.mentions.room and a visible @room", message("@room lunch", { mentions: { userIds: [], room: true } }), "room"],
  ];
  for (const [title, input, how] of seen) {
    it(`[MEN-3] ${title} names us`, () => {
      expect(detectMention(input, SELF)).toEqual({ mentioned: true, how, any: true });
    });
  }

  const unseen: [string, MentionInput][] = [
    ["m.mentions alone", message("what a day", { mentions: us })],
    ["a pill without a label", message("hi", { pills: [{ userId: SELF.userId, label: "" }] })],
    ["a pill whose label is invisible", message("hi", { pills: [{ userId: SELF.userId, label: "\u200B\u2060 \u2800" }] })],
    ["m.mentions and a name of invisible pieces", message("B\u200Bo", { mentions: us })],
    ["m.mentions.room without the word", message("lunch", { mentions: { userIds: [], room: true } })],
    ["@room without m.mentions.room", message("@room lunch")],
    ["a longer user id", message("@bot:example.org.evil.test hi")],
    ["a longer local part", message("@bottom hi")],
    ["the name inside a word", message("robotty things", { mentions: us })],
    ["somebody else's pill", message("Alice: hi", { pills: [{ userId: "@alice:example.org", label: "Alice" }] })],
  ];
  for (const [title, input] of unseen) {
    it(`[MEN-3] ${title} does not name us`, () => {
      expect(detectMention(input, SELF).mentioned).toBe(false);
    });
  }
});

describe("the form of address", () => {
  const stripped: [string, string, string][] = [
    ["the user id", "@bot:example.org /status", "/status"],
    ["the user id and a colon", "@bot:example.org: /status", "/status"],
    ["the name and a colon", "Botty: /new please", "/new please"],
    ["the name and a comma", "botty, hello", "hello"],
    ["FluffyChat's form", "@[Botty] /status", "/status"],
    ["@ and the local part", "@bot hello", "hello"],
  ];
  for (const [title, text, rest] of stripped) {
    it(`[MEN-6] is taken off the beginning: ${title}`, () => {
      expect(stripAddress(text, SELF)).toBe(rest);
    });
  }

  it("[MEN-6] a pill's label is taken off the beginning", () => {
    expect(stripAddress("The Bot /status", SELF, [{ userId: SELF.userId, label: "The Bot" }])).toBe("/status");
  });

  it("[MEN-7] a mention in the middle stays: it carries meaning", () => {
    expect(stripAddress("tell @bot:example.org about it", SELF)).toBe("tell @bot:example.org about it");
  });

  it("[MEN-7] a word that only begins like the name stays", () => {
    expect(stripAddress("@bottom up", SELF)).toBe("@bottom up");
  });

  it("[MEN-7] a message that is only the mention stays readable", () => {
    expect(stripAddress("@bot:example.org", SELF)).toBe("@bot:example.org");
  });
});
