import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Human, SeenEvent } from "../support/humans/index.ts";
import type { Answer } from "../support/model/answer.ts";
import { type Bot, question, Scenario } from "./scenario.ts";

const TABLE = "| fruit | count |\n|---|---|\n| apple | 3 |";
const MODES = ["block", "bullets", "code", "off"] as const;

/** What a person's client gets of what the agent writes, encrypted; four accounts, one DM each. */
describe("how text goes out", () => {
  const scenario = new Scenario();
  const places = new Map<string, { bot: Bot; room: string }>();
  let person: Human;
  beforeAll(async () => {
    const extra = {
      block: {},
      bullets: { streaming: { chunkMode: "newline" }, textChunkLimit: 60 },
      code: { responsePrefix: "[bot]", textChunkLimit: 60 },
      // As a person would who never wants an answer cut.
      off: { textChunkLimit: 100_000, streaming: { mode: "partial" } },
    };
    person = await scenario.person("matrix-js-sdk");
    const bots = await Promise.all(MODES.map(async (tables) => ({ tables, bot: await scenario.addBot(`tables-${tables}`, { markdown: { tables }, ...extra[tables] }) })));
    for (const { tables, bot } of bots) places.set(tables, { bot, room: await scenario.openDm(person, bot, { encrypted: true }) });
  });
  afterAll(() => scenario.end());

  const at = (name: string) => places.get(name) as { bot: Bot; room: string };

  /** Asks; the agent's script may use the marker. */
  async function ask(name: string, script: (marker: string) => Answer[]): Promise<{ answer: SeenEvent; marker: string }> {
    const { bot, room } = at(name);
    const asked = question("Write something.");
    await scenario.rig.model.script(asked.marker, ...script(asked.marker));
    return { answer: (await scenario.ask(person, room, bot, asked)).answer, marker: asked.marker };
  }

  /** Everything the agent said in a room after an event, in the homeserver's order: a client decrypts in any. */
  function since(name: string, from: number): SeenEvent[] {
    const { bot, room } = at(name);
    const said = person.events.slice(from).filter((event) => event.sender === bot.userId && event.roomId === room && event.type === "m.room.message");
    return said.sort((a, b) => a.originServerTs - b.originServerTs);
  }

  const html = (event: SeenEvent) => String(event.content.formatted_body ?? "");

  it("[OUT-1] Markdown arrives as the HTML that clients show", async () => {
    const text = ["# Title", "", "**bold**, ~~gone~~, `code`, <u>under</u>, ||secret||", "", "- one", "- two", "", "```js", "let a = 1;", "```", "", "[a link](https://example.org/)", "", "<script>alert(1)</script>"].join("\n");
    const { answer, marker } = await ask("block", (marker) => [{ text: `${text}\n\n${marker}` }]);
    expect(answer.content.format).toBe("org.matrix.custom.html");
    for (const piece of [
      "<h1>Title</h1>",
      "<strong>bold</strong>",
      "<del>gone</del>",
      "<code>code</code>",
      "<u>under</u>",
      "<span data-mx-spoiler>secret</span>",
      "<li>one</li>",
      '<pre><code class="language-js">let a = 1;',
      '<a href="https://example.org/">a link</a>',
      "&lt;script&gt;",
      marker,
    ]) {
      expect(html(answer)).toContain(piece);
    }
    expect(html(answer)).not.toContain("<script>");
  });

  it.each([
    ["block", /<table>.*<th>fruit<\/th>.*<td>apple<\/td>/s],
    ["bullets", /<ul>.*apple/s],
    ["off", /^(?!.*<table>).*\| apple \| 3 \|/s],
  ] as const)("[OUT-2] tables: %s", async (tables, shape) => {
    const { answer } = await ask(tables, (marker) => [{ text: `${TABLE}\n\n${marker}` }]);
    const shown = since(tables, 0).filter((event) => event.body.includes("apple") || event.newBody?.includes("apple"));
    expect(answer.encrypted).toBe(true);
    const last = shown.at(-1) as SeenEvent;
    expect(String((last.content["m.new_content"] as { formatted_body?: string } | undefined)?.formatted_body ?? (html(last) || last.body))).toMatch(shape);
  });

  it("[OUT-4] by newline each paragraph is a message of its own; by length they are filled", async () => {
    const paragraphs = ["The first paragraph of some length.", "The second one, of much the same."];
    const text = (marker: string) => [...paragraphs, marker].join("\n\n");
    const from = person.events.length;
    const { marker } = await ask("bullets", (marker) => [{ text: text(marker) }]);
    expect(since("bullets", from).map(({ body }) => body.trim())).toEqual([...paragraphs, marker]);
    const before = person.events.length;
    await ask("code", (marker) => [{ text: text(marker) }]);
    const said = since("code", before).map(({ body }) => body.trim());
    expect(said).toHaveLength(2);
    expect(said[1]).toContain(paragraphs[1]);
  });

  it("[OUT-5] the prefix stands before an answer once, however many messages it takes", async () => {
    const from = person.events.length;
    await ask("code", (marker) => [{ text: `${"A sentence that takes its room. ".repeat(4)}\n\n${marker}` }]);
    const said = since("code", from).map(({ body }) => body);
    expect(said.length).toBeGreaterThan(1);
    expect(said[0]?.startsWith("[bot] A sentence")).toBe(true);
    expect(said.slice(1).join("")).not.toContain("[bot]");
  });

  it("[OUT-11] a tool call that the model writes out is not shown", async () => {
    const { answer } = await ask("block", (marker) => [{ text: `Before.\n\n<tool_call>{"name":"exec","arguments":{"command":"cat /etc/passwd"}}</tool_call>\n\nAfter ${marker}.` }]);
    expect(answer.body).toContain("After");
    expect(answer.body).not.toMatch(/tool_call|passwd/);
  });

  it("[OUT-13] an answer beyond what an event holds comes in several, and is not drafted", async () => {
    const from = person.events.length;
    // Four bytes each: 60 kB of text, twice that with its HTML.
    const emoji = Array.from({ length: 300 }, (_, line) => `${line} ${"😀".repeat(50)}`).join("\n\n");
    const { marker } = await ask("off", (marker) => [{ pieces: [{ text: emoji.slice(0, 20_000), delayMs: 0 }, { text: emoji.slice(20_000), delayMs: 1500 }, { text: `\n\n${marker}`, delayMs: 1500 }] }]);
    const said = since("off", from);
    expect(said.length).toBeGreaterThan(1);
    expect(said.filter((event) => event.replacesId !== undefined)).toEqual([]);
    const whole = said.map(({ body }) => body).join("\n");
    for (const line of [0, 150, 299]) expect(whole).toContain(`${line} 😀`);
    expect(whole).toContain(marker);
    expect(whole).not.toContain("\uFFFD");
  });
});
