import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Human } from "../support/humans/index.ts";
import { textOf } from "../support/model/answer.ts";
import { useMessageTool } from "./message-tool.ts";
import { type Bot, question, Scenario } from "./scenario.ts";

const START = "org.matrix.msc3381.poll.start";
const RESPONSE = "org.matrix.msc3381.poll.response";
const END = "org.matrix.msc3381.poll.end";

interface ShownPoll {
  options: { index: number; id: string; text: string; votes?: number; voters?: string[] }[];
  voters: number;
  ended: boolean;
  ownVote: string[];
}

describe("polls and places, encrypted", () => {
  const scenario = new Scenario();
  let bot: Bot;
  let person: Human;
  let room: string;
  beforeAll(async () => {
    bot = await scenario.addBot("poll");
    person = await scenario.person("matrix-js-sdk");
    room = await scenario.openDm(person, bot, { encrypted: true });
  });
  afterAll(() => scenario.end());

  const reference = (eventId: string) => ({ "m.relates_to": { rel_type: "m.reference", event_id: eventId } });

  async function pollOf(eventId: string): Promise<ShownPoll> {
    const { results } = await useMessageTool(scenario, person, room, bot, [{ action: "read", messageId: eventId }]);
    const [message] = (results[0]?.details.messages ?? []) as { poll?: ShownPoll }[];
    if (!message?.poll) throw new Error(`no poll in ${results[0]?.text}`);
    return message.poll;
  }

  it("[POL-1][POL-4][POL-5][ACT-2] the agent asks in a thread, people vote, the agent counts and ends it", async () => {
    const root = await person.send(room, "The root. MARK: pollroot");
    const { results } = await useMessageTool(scenario, person, room, bot, [{ action: "poll", pollQuestion: "Tea or coffee?", pollOption: ["Tea", "Coffee"] }], { threadRootId: root });
    const pollId = results[0]?.details.pollId as string;
    expect(pollId, JSON.stringify(results)).toMatch(/^\$/);
    const poll = await person.waitForEvent((event) => event.eventId === pollId);
    expect([poll.type, poll.encrypted, poll.threadRootId]).toEqual([START, true, root]);
    expect(poll.content["org.matrix.msc1767.text"]).toBe("Tea or coffee?\n1. Tea\n2. Coffee");
    const start = poll.content[START] as { answers: { id: string }[]; max_selections: number; kind: string };
    expect(start).toMatchObject({ max_selections: 1, kind: "org.matrix.msc3381.poll.disclosed" });
    const [tea, coffee] = start.answers.map(({ id }) => id);
    await person.sendContent(room, RESPONSE, { ...reference(pollId), [RESPONSE]: { answers: [tea] } });
    await person.sendContent(room, RESPONSE, { ...reference(pollId), [RESPONSE]: { answers: [coffee] } });
    expect(await pollOf(pollId)).toMatchObject({ voters: 1, ended: false, options: [{ text: "Tea", votes: 0 }, { text: "Coffee", votes: 1, voters: [person.userId] }] });
    const ended = await useMessageTool(scenario, person, room, bot, [{ action: "poll-vote", pollId, pollEnd: true }]);
    expect(ended.results[0]?.details, JSON.stringify(ended.results)).toMatchObject({ ended: pollId });
    const end = await person.waitForEvent((event) => event.type === END && event.sender === bot.userId);
    expect(end.content["org.matrix.msc1767.text"]).toContain("Top answer: Coffee (1 of 1 vote(s))");
  });

  it("[POL-2][POL-3] a person's poll is read with its options, and the agent votes by number", async () => {
    const pollId = await person.sendContent(room, START, {
      "org.matrix.msc1767.text": "Where?\n1. Hall\n2. Yard MARK: where1",
      [START]: {
        question: { "org.matrix.msc1767.text": "Where? MARK: where1" },
        kind: "org.matrix.msc3381.poll.disclosed",
        max_selections: 1,
        answers: [
          { id: "hall", "org.matrix.msc1767.text": "Hall" },
          { id: "yard", "org.matrix.msc1767.text": "Yard" },
        ],
      },
    });
    await scenario.answer(person, bot, { marker: "where1", text: "" });
    const [prompt] = await scenario.rig.model.prompts("where1");
    expect((prompt?.messages ?? []).map(textOf).join("\n")).toContain("Where? MARK: where1\n1. Hall\n2. Yard");
    await useMessageTool(scenario, person, room, bot, [{ action: "poll-vote", pollId, pollOptionIndex: 2 }]);
    const vote = await person.waitForEvent((event) => event.type === RESPONSE && event.sender === bot.userId);
    expect(vote.content[RESPONSE]).toEqual({ answers: ["yard"] });
    expect(vote.content["m.relates_to"]).toMatchObject({ rel_type: "m.reference", event_id: pollId });
    expect(vote.encrypted).toBe(true);
  });

  it("[LOC-1][LOC-2] a place comes in with its coordinates, and goes out as one", async () => {
    const asked = question("We meet here.");
    await person.sendContent(room, "m.room.message", { msgtype: "m.location", body: asked.text, geo_uri: "geo:48.2082,16.3738,151;u=35" });
    await scenario.answer(person, bot, asked);
    const [prompt] = await scenario.rig.model.prompts(asked.marker);
    const told = (prompt?.messages ?? []).map(textOf).join("\n");
    expect(told).toContain("48.2082");
    expect(told).toContain("16.3738");
    const { results } = await useMessageTool(scenario, person, room, bot, [{ action: "send", target: `room:${room}`, location: { latitude: 48.2, longitude: 16.37, name: "The cathedral" } }]);
    const place = await person.waitForEvent((event) => event.content.msgtype === "m.location" && event.sender === bot.userId);
    expect(place.eventId, JSON.stringify(results)).toBe(results[0]?.details.messageId);
    expect(place.content.geo_uri).toBe("geo:48.2,16.37");
    expect([place.body, place.encrypted]).toEqual(["The cathedral (geo:48.2,16.37)", true]);
  });
});
