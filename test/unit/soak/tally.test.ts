import { describe, expect, it } from "vitest";
import { Conversation, Gate, type Question } from "../../soak/conversation.ts";
import { tally } from "../../soak/tally.ts";
import type { Human, SeenEvent } from "../../support/humans/index.ts";

const ROOM = "!room:x";
const BOT = "@bot:x";
const ALICE = "@alice:x";

/** A conversation with these events in it, and questions with these markers. */
function conversation(markers: string[], events: Partial<SeenEvent>[]): Conversation {
  const filled = events.map(
    (event, at): SeenEvent => ({ roomId: ROOM, eventId: `$${at}`, sender: BOT, type: "m.room.message", content: {}, encrypted: true, originServerTs: at * 1000, body: "", ...event }),
  );
  const person = { userId: ALICE, events: filled, undecryptable: [] } as unknown as Human;
  const made = new Conversation({ name: "DM", roomId: ROOM, people: [person], botUserId: BOT, gate: new Gate() });
  for (const [index, marker] of markers.entries()) {
    const asking = { conversation: 0, person: 0, pieces: 1, pieceMs: 1, afterMs: 0 };
    made.questions.push({ marker, conversation: made, asking, index, sentAt: 0, eventId: `$${index}`, blows: 0 } satisfies Question);
  }
  return made;
}

const asked = (marker: string): Partial<SeenEvent> => ({ sender: ALICE, body: `MARK: ${marker}` });

describe("the tally of a soak", () => {
  it("[SES-11] one message for two questions answers both, and an edited message counts once", () => {
    const counted = tally([
      conversation(["aa", "bb"], [asked("aa"), asked("bb"), { body: "Part 1." }, { replacesId: "$2", body: "* x", newBody: "Part 1. Answer to aa." }, { replacesId: "$2", newBody: "Answer to aa, bb." }]),
    ]);
    expect(counted).toMatchObject({ sent: 2, answered: 2, lost: [], duplicates: [], disorder: [], drafts: [], slowestMs: 3000 });
  });

  it("[SES-11] a second message with the marker is a duplicate, unless one was taken back", () => {
    const twice: Partial<SeenEvent>[] = [asked("aa"), { body: "Answer to aa." }, { body: "Again: aa." }];
    expect(tally([conversation(["aa"], twice)]).duplicates).toHaveLength(1);
    expect(tally([conversation(["aa"], [...twice, { type: "m.room.redaction", content: { redacts: "$1" } }])]).duplicates).toEqual([]);
  });

  it("[SES-11] no message with the marker is a loss, also where a draft was begun", () => {
    const counted = tally([conversation(["aa"], [asked("aa"), { body: "Part 1. Part 2." }])]);
    expect(counted.lost.map((question) => question.marker)).toEqual(["aa"]);
    expect(counted.drafts).toHaveLength(1);
  });

  it("[SES-11] a draft that was never finished is no answer, even with the marker in it", () => {
    const live = { "org.matrix.msc4357.live": {} };
    const draft: Partial<SeenEvent>[] = [asked("aa"), { body: "Part 1.", content: live }, { replacesId: "$1", newBody: "Part 1. Answer to aa.", content: { "m.new_content": live, ...live } }];
    const counted = tally([conversation(["aa"], draft)]);
    expect(counted.lost.map((question) => question.marker)).toEqual(["aa"]);
    expect(counted.drafts).toHaveLength(1);
    expect(tally([conversation(["aa"], [...draft, { replacesId: "$1", newBody: "Part 1. Answer to aa.", content: { "m.new_content": {} } }])])).toMatchObject({ answered: 1, lost: [], drafts: [] });
  });

  it("[SES-11] an answer before that of an earlier question is out of order", () => {
    const counted = tally([conversation(["aa", "bb", "cc"], [asked("aa"), asked("bb"), asked("cc"), { body: "bb" }, { body: "aa" }, { body: "cc" }])]);
    expect(counted.disorder.map(({ question, behind }) => [question.marker, behind.marker])).toEqual([["aa", "bb"]]);
  });

  it("[SES-11] a message the homeserver never took is nobody's loss", () => {
    const made = conversation(["aa", "bb"], [asked("aa"), { body: "Answer to aa." }]);
    for (const question of made.questions) delete question.eventId;
    expect(tally([made])).toMatchObject({ sent: 1, answered: 1, lost: [] });
  });

  it("[SES-11] the host's words about an interrupted turn are counted apart", () => {
    const counted = tally([conversation([], [{ body: "I'm continuing your interrupted request now (the gateway has just restarted)." }, { body: "Something else." }])]);
    expect(counted.notices).toEqual({ resumed: 1, other: ["Something else."] });
  });
});
