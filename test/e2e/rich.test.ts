import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/process.ts";
import { useMessageTool } from "./message-tool.ts";
import { ANSWER_MS, type Bot, type Human, question, Scenario, type SeenEvent } from "./scenario.ts";

interface Presentation {
  version: number;
  type: string;
  title?: string;
  blocks: { type: string; options?: { label: string; value: string; action: { type: string; command: string } }[]; buttons?: unknown[] }[];
}

function presentation(event: SeenEvent): Presentation | undefined {
  const content = (event.content["m.new_content"] as Record<string, unknown> | undefined) ?? event.content;
  return content["com.openclaw.presentation"] as Presentation | undefined;
}

describe("an encrypted conversation with more than words", () => {
  const scenario = new Scenario();
  let bot: Bot;
  let person: Human;
  let room: string;
  beforeAll(async () => {
    person = await scenario.person("matrix-js-sdk");
    bot = await scenario.addBot("rich", { dm: { policy: "allowlist", allowFrom: [person.userId] } });
    room = await scenario.openDm(person, bot, { encrypted: true });
  });
  afterAll(() => scenario.end());

  const shown = (fits: (blocks: Presentation) => boolean, what: string): Promise<SeenEvent> =>
    person.waitForEvent((event) => {
      const blocks = event.sender === bot.userId ? presentation(event) : undefined;
      return blocks !== undefined && fits(blocks);
    }, { what, timeoutMs: ANSWER_MS });

  it("[PRE-1][PRE-2] the agent's buttons are in the event, and to be read in its text", async () => {
    const title = `Choose ${Math.random().toString(36).slice(2)}`;
    const blocks = [
      { type: "context", text: "Small print." },
      { type: "divider" },
      { type: "buttons", buttons: [{ label: "Status", action: { type: "command", command: "/status" } }, { label: "Site", action: { type: "url", url: "https://example.org/" } }] },
    ];
    await useMessageTool(scenario, person, room, bot, [{ action: "send", to: `room:${room}`, message: "Here.", presentation: { title, blocks } }]);
    const event = await shown((sent) => sent.title === title, "the buttons");
    expect(event.encrypted).toBe(true);
    expect(presentation(event)).toMatchObject({ version: 1, type: "message.presentation", blocks: [{ type: "context" }, { type: "divider" }, { type: "buttons" }] });
    expect(event.body).toBe(`Here.\n\n${title}\n\nSmall print.\n\n- Status: \`/status\`\n- Site: https://example.org/`);
  });

  it("[PRE-3] the lists of /models lead to a model", async () => {
    const commandOf = (event: SeenEvent, label: RegExp): string => {
      const options = presentation(event)?.blocks.find(({ type }) => type === "select")?.options ?? [];
      return options.find((option) => label.test(option.label))?.value ?? "";
    };
    await person.send(room, "/models");
    const providers = await shown(({ blocks }) => JSON.stringify(blocks).includes("/models stub"), "the providers");
    const command = commandOf(providers, /^stub/);
    expect(providers.newBody ?? providers.body).toContain(`\`${command}\``);
    await person.send(room, command);
    const models = await shown(({ blocks }) => JSON.stringify(blocks).includes("/model stub/stub-1"), "the models");
    const before = person.events.length;
    await person.send(room, commandOf(models, /./));
    const said = (event: SeenEvent) => event.sender === bot.userId && event.type === "m.room.message" && event.body.includes("stub-1");
    await until("the answer to the choice", ANSWER_MS, () => person.events.slice(before).find(said));
  });

  it("[EMO-1][EMO-2][REA-7][ACT-3] the room's custom emoji are listed, written and reacted with", async () => {
    const pack = { pack: { display_name: "Fun" }, images: { party: { url: "mxc://example.org/party" }, cat: { url: "mxc://example.org/cat", usage: ["sticker"] } } };
    await person.request("PUT", `v3/rooms/${encodeURIComponent(room)}/state/im.ponies.room_emotes/fun`, pack);
    const first = await scenario.ask(person, room, bot);
    const { results, eventId } = await useMessageTool(scenario, person, room, bot, [
      { action: "emoji-list", channelId: `room:${room}` },
      { action: "react", emoji: "party", messageId: first.eventId },
      { action: "send", to: `room:${room}`, message: "We :party: now, `:party:` and :cat:." },
    ]);
    expect(results[0]?.details, results[0]?.text).toMatchObject({ emojis: [{ name: "party", identifier: "party", url: "mxc://example.org/party" }] });
    await person.waitForEvent((event) => event.sender === bot.userId && event.reaction?.targetId === first.eventId && event.reaction.key === "party", { what: "the reaction" });
    const said = await person.waitForMessage(bot.userId, "We :party: now");
    expect(said.content.formatted_body).toBe(
      'We <img data-mx-emoticon src="mxc://example.org/party" alt=":party:" title=":party:" height="32"> now, <code>:party:</code> and :cat:.',
    );
    expect(eventId).toBeTruthy();
  });

  it("[TYP-1][REC-1] shows that the message was read, that an answer is being written, and that it is done", async () => {
    const filter = encodeURIComponent(JSON.stringify({ room: { rooms: [room], timeline: { limit: 1 }, state: { types: [] } }, presence: { types: [] }, account_data: { types: [] } }));
    interface Sync {
      next_batch: string;
      rooms?: { join?: Record<string, { ephemeral?: { events: { type: string; content: Record<string, unknown> }[] } }> };
    }
    let since = "";
    const typing: boolean[] = [];
    const read = new Set<string>();
    const look = async (timeout: number): Promise<void> => {
      const sync = await person.request<Sync>("GET", `v3/sync?timeout=${timeout}&filter=${filter}${since}`);
      since = `&since=${encodeURIComponent(sync.next_batch)}`;
      for (const { type, content } of sync.rooms?.join?.[room]?.ephemeral?.events ?? []) {
        if (type === "m.typing") typing.push((content.user_ids as string[]).includes(bot.userId));
        if (type !== "m.receipt") continue;
        for (const [id, receipts] of Object.entries(content as Record<string, { "m.read"?: Record<string, unknown> }>)) if (receipts["m.read"]?.[bot.userId]) read.add(id);
      }
    };
    await look(0);
    typing.length = 0;
    const asked = question("SLOW: 6 400");
    const eventId = await person.send(room, asked.text);
    await until("the typing notice", ANSWER_MS, async () => {
      await look(500);
      return typing.includes(true);
    });
    await scenario.answer(person, bot, asked);
    await until("the typing notice to end", 15_000, async () => {
      await look(500);
      return typing.at(-1) === false;
    });
    await until("the read receipt", 15_000, async () => {
      if (!read.has(eventId)) await look(500);
      return read.has(eventId);
    });
  });
});
