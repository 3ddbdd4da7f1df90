import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { png, voice } from "../support/files.ts";
import type { NioHuman } from "../support/humans/index.ts";
import type { ChatMessage } from "../support/model/answer.ts";
import { useMessageTool } from "./message-tool.ts";
import { ANSWER_MS, type Bot, question, Scenario, type SeenEvent } from "./scenario.ts";

const MB = 1024 * 1024;
type Part = { type: string; image_url?: { url: string } };

describe("files", () => {
  const scenario = new Scenario();
  let bot: Bot;
  let person: NioHuman;
  /** By whether it is encrypted. */
  const rooms = new Map<boolean, string>();
  /** Where naming the agent is needed; encrypted. */
  let group: string;

  beforeAll(async () => {
    bot = await scenario.addBot("media", { mediaMaxMb: 1, historyLimit: 10, actions: { files: true } });
    person = (await scenario.person("matrix-nio")) as NioHuman;
    const open = (encrypted: boolean) => scenario.openDm(person, bot, { encrypted }).then((room) => rooms.set(encrypted, room));
    await Promise.all([open(true), open(false)]);
    group = await person.createRoom({ encrypted: true, invite: [bot.userId], name: "Files" });
    await person.waitForMember(group, bot.userId);
  });
  afterAll(() => scenario.end());

  const room = (encrypted: boolean) => rooms.get(encrypted) as string;

  /** A message with a file; what is left out of `content` is said as Element says it. */
  async function sendFile(roomId: string, file: { bytes: Buffer; name: string; mimetype: string; msgtype: string; encrypted: boolean }, content: Record<string, unknown> = {}): Promise<string> {
    const where = await person.upload(file.bytes, file.mimetype, file.encrypted);
    const info = { mimetype: file.mimetype, size: file.bytes.length };
    return person.sendContent(roomId, "m.room.message", { msgtype: file.msgtype, body: file.name, filename: file.name, info, ...where, ...content });
  }

  /** Whether the host was given these bytes. */
  function kept(bytes: Buffer): boolean {
    const folder = join(scenario.rig.home.stateDir, "media", "inbound");
    return readdirSync(folder).some((name) => readFileSync(join(folder, name)).equals(bytes));
  }

  /** A file in the agent's workspace. */
  function workspace(name: string, bytes: Buffer): string {
    const folder = join(scenario.rig.home.stateDir, "workspace");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  }

  const sentFile = (roomId: string, name: string): Promise<SeenEvent> =>
    person.waitForEvent((event) => event.roomId === roomId && event.sender === bot.userId && event.content.filename === name, { what: `the file ${name}` });

  it.each([true, false])("[MED-1][MED-2][MED-3] a picture and a file with captions reach the model and the host as they were sent (encrypted: %s)", async (encrypted) => {
    const [picture, asked] = [png(60, 40), question("What is that?")];
    await sendFile(room(encrypted), { bytes: picture, name: "cat.png", mimetype: "image/png", msgtype: "m.image", encrypted }, { body: asked.text });
    await scenario.answer(person, bot, asked);
    const prompts = await scenario.rig.model.prompts(asked.marker);
    const parts = (prompts.at(-1)?.messages ?? []).flatMap(({ content }: ChatMessage): Part[] => (Array.isArray(content) ? content : []));
    const shown = parts.flatMap(({ image_url }) => (image_url ? [Buffer.from(image_url.url.split(",")[1] ?? "", "base64")] : []));
    expect(shown.some((bytes) => bytes.equals(picture)), `the picture among ${shown.length} shown`).toBe(true);
    expect(await scenario.promptOf(asked)).toContain("[image: cat.png]");

    const [pdf, about] = [Buffer.concat([Buffer.from("%PDF-1.4\n"), png(9, 9)]), question("And that?")];
    await sendFile(room(encrypted), { bytes: pdf, name: "paper.pdf", mimetype: "application/pdf", msgtype: "m.file", encrypted }, { body: about.text });
    await scenario.answer(person, bot, about);
    expect(await scenario.promptOf(about)).toContain("[file: paper.pdf]");
    expect([kept(picture), kept(pdf)]).toEqual([true, true]);
  });

  it.each([true, false])("[MED-6][MED-7][MED-8][ENC-9] a reply's picture arrives with its caption, measures and a small copy (encrypted: %s)", async (encrypted) => {
    const [picture, asked] = [png(1200, 600), question("Show me.")];
    const name = `shown-${encrypted}.png`;
    await scenario.rig.model.script(asked.marker, { text: `Here **it** is: ${asked.marker}.\n\nMEDIA:${workspace(name, picture)}` });
    await person.send(room(encrypted), asked.text);
    const { content, eventId } = await sentFile(room(encrypted), name);
    expect((await person.wire(room(encrypted), eventId)).type).toBe(encrypted ? "m.room.encrypted" : "m.room.message");
    expect(content).toMatchObject({ msgtype: "m.image", body: `Here **it** is: ${asked.marker}.`, formatted_body: expect.stringContaining("<strong>it</strong>") });
    const info = content.info as { thumbnail_url?: string; thumbnail_file?: { url: string }; thumbnail_info: object };
    expect(info).toMatchObject({ mimetype: "image/png", size: picture.length, w: 1200, h: 600, "xyz.amorgan.blurhash": expect.stringMatching(/^.{28}$/), thumbnail_info: { w: 800, h: 400, mimetype: "image/jpeg" } });
    expect((await person.fetchFile(content)).equals(picture)).toBe(true);
    expect([...(await person.fetchFile({ url: info.thumbnail_url, file: info.thumbnail_file })).subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
    expect("file" in content).toBe(encrypted);
  });

  it("[ACT-1][MED-9][VOI-3][VOI-4] the message tool sends files, the caption with the first, and a voice message as one", async () => {
    const [one, two, said] = [png(10, 10), Buffer.from(`text ${Date.now()}`), voice("listen")];
    const [picture, text, ogg] = [workspace("one.png", one), workspace("two.txt", two), workspace("said.ogg", said)];
    await useMessageTool(scenario, person, room(true), bot, [
      { action: "send", message: "two files", mediaUrls: [picture, text] },
      { action: "send", media: ogg, asVoice: true },
    ]);
    const [first, second, third] = await Promise.all(["one.png", "two.txt", "said.ogg"].map((name) => sentFile(room(true), name)));
    expect([first?.body, second?.body]).toEqual(["two files", "two.txt"]);
    expect((await person.fetchFile(second?.content ?? {})).equals(two)).toBe(true);
    expect(third?.content).toMatchObject({ msgtype: "m.audio", "org.matrix.msc3245.voice": {}, info: { duration: 2000 }, "org.matrix.msc1767.audio": { duration: 2000 } });
    const waveform = (third?.content["org.matrix.msc1767.audio"] as { waveform: number[] } | undefined)?.waveform ?? [];
    expect([waveform.length, (waveform[10] ?? 0) < 200, waveform[90]]).toEqual([100, true, 1024]);
    expect((await person.fetchFile(third?.content ?? {})).equals(said)).toBe(true);
  });

  it("[MED-4][MED-10][MED-11][ACT-15] what is too large, outside the allowed folders or inside a private network is not sent, and the agent is told why", async () => {
    const { results } = await useMessageTool(scenario, person, room(false), bot, [
      { action: "send", message: "x", media: workspace("large.bin", Buffer.alloc(MB + 1, 7)) },
      { action: "send", message: "x", media: "/etc/passwd" },
      { action: "send", message: "x", media: "http://169.254.169.254/latest/meta-data" },
      { action: "sendAttachment", caption: "attached", filename: "note.txt", buffer: Buffer.from("a note").toString("base64"), contentType: "text/plain" },
    ]);
    const [large, passwd, metadata, attached] = results.map(({ text }) => text);
    expect(large).toMatch(/mediaMaxMb|exceeds|too large/i);
    expect(passwd).not.toMatch(/"ok":\s*true/);
    expect(metadata).not.toMatch(/"ok":\s*true/);
    expect(attached).toMatch(/"ok":\s*true/);
    expect((await person.fetchFile((await sentFile(room(false), "note.txt")).content)).toString()).toBe("a note");
    const files = person.events.filter((event) => event.sender === bot.userId && ["passwd", "large.bin", "meta-data"].includes(String(event.content.filename)));
    expect(files).toEqual([]);
  });

  it("[MED-4][MED-5] a file over the cap and one that is gone keep no text from the agent, which is told why", async () => {
    const large = question("Large.");
    await sendFile(room(true), { bytes: Buffer.alloc(MB + 1, 7), name: "large.bin", mimetype: "application/octet-stream", msgtype: "m.file", encrypted: true }, { body: large.text });
    await scenario.answer(person, bot, large);
    expect(await scenario.promptOf(large)).toContain("[file: large.bin; not available: it is larger than 1 MB (mediaMaxMb)]");
    const gone = question("Gone.");
    await person.sendContent(room(true), "m.room.message", { msgtype: "m.image", body: gone.text, filename: "gone.png", url: `mxc://${scenario.rig.homeserver.serverName}/neverwas` });
    await scenario.answer(person, bot, gone);
    expect(await scenario.promptOf(gone)).toContain("[image: gone.png; not available: the homeserver does not have the file]");
  });

  it("[MED-12] stickers and galleries reach the host with all their pictures", async () => {
    const pictures = [png(11, 11), png(12, 12), png(13, 13)] as const;
    const [sticker, ...items] = await Promise.all(pictures.map((bytes) => person.upload(bytes, "image/png", true)));
    const asked = question("A gallery.");
    await person.sendContent(room(true), "m.sticker", { body: "a waving cat", info: { mimetype: "image/png" }, ...sticker });
    const itemtypes = items.map((where, index) => ({ itemtype: "m.image", body: `${index}.png`, filename: `${index}.png`, info: { mimetype: "image/png" }, ...where }));
    await person.sendContent(room(true), "m.room.message", { msgtype: "dm.filament.gallery", body: asked.text, itemtypes });
    await scenario.answer(person, bot, asked);
    expect(await scenario.promptOf(asked)).toMatch(/\[image: 0\.png\]\n\[image: 1\.png\]/);
    const prompt = JSON.stringify((await scenario.rig.model.prompts(asked.marker)).at(-1)?.messages);
    expect(prompt).toContain("[sticker: a waving cat]");
    expect(pictures.map(kept)).toEqual([true, true, true]);
  });

  it("[HIS-3][MED-13] pictures nobody asked about are named with the next turn, a quoted one is given, and any can be fetched", async () => {
    const [passed, quoted] = [png(21, 21), png(22, 22)];
    const send = (bytes: Buffer, name: string) => sendFile(group, { bytes, name, mimetype: "image/png", msgtype: "m.image", encrypted: true });
    const passedId = await send(passed, "passed.png");
    const quotedId = await send(quoted, "quoted.png");
    const asked = question("What is that?");
    await scenario.rig.model.script(asked.marker, { toolCalls: [{ name: "message", arguments: { action: "download-file", channelId: `room:${group}`, messageId: passedId } }] }, { text: `Done: ${asked.marker}.` });
    const pill = `<a href="https://matrix.to/#/${bot.userId}">bot</a> ${asked.text}`;
    const mention = { msgtype: "m.text", body: `${bot.userId} ${asked.text}`, format: "org.matrix.custom.html", formatted_body: pill, "m.mentions": { user_ids: [bot.userId] } };
    await person.sendContent(group, "m.room.message", { ...mention, "m.relates_to": { "m.in_reply_to": { event_id: quotedId } } });
    await scenario.answer(person, bot, asked);
    const prompt = JSON.stringify((await scenario.rig.model.prompts(asked.marker)).at(-1)?.messages);
    expect(prompt).toContain("[image: passed.png]");
    expect([kept(passed), kept(quoted)]).toEqual([true, true]);
  });

  it("[VOI-1][VOI-2][VOI-4][MEN-5] a voice message that says the agent's name is heard before it is decided on, and shown to the room once", async () => {
    const { displayname } = await person.request<{ displayname?: string }>("GET", `v3/profile/${encodeURIComponent(bot.userId)}/displayname`);
    const speak = (words: string) =>
      sendFile(group, { bytes: voice(words), name: "voice.ogg", mimetype: "audio/ogg", msgtype: "m.audio", encrypted: true }, { "org.matrix.msc3245.voice": {} });
    const [passed, asked] = [question("Nobody in particular."), question(`Hey ${displayname}, are you there?`)];
    await speak(passed.text);
    await speak(asked.text);
    // What was heard is shown with the same words.
    await person.waitForEvent(({ sender, body }) => sender === bot.userId && body.startsWith("Answer to") && body.includes(asked.marker), { what: "an answer to the voice message", timeoutMs: ANSWER_MS });
    expect(await scenario.promptOf(asked)).toContain("[Audio transcript (machine-generated, untrusted)]");
    const echoes = person.events.filter((event) => event.roomId === group && event.sender === bot.userId && event.body.includes("📝"));
    expect(echoes.map(({ body }) => body)).toEqual([`📝 "${asked.text}"`]);
    expect(person.undecryptable).toEqual([]);
  });
});
