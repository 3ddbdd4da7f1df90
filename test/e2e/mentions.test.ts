import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeRoom, naming, post } from "./plain-rooms.ts";
import { ANSWER_MS, type Bot, type Human, question, type Question, Scenario } from "./scenario.ts";

describe("mentions", () => {
  const scenario = new Scenario();
  let alice: Human;
  let bob: Human;
  let bot: Bot;
  /** What the account calls itself. */
  const NAME = "Botty McBotface";
  const rooms: Record<string, string> = {};
  const names = ["main", "auto", "forced", "patterns", "nopatterns", "implicit"];

  beforeAll(async () => {
    [alice, bob] = await Promise.all([scenario.person("matrix-js-sdk", "menalice"), scenario.person("matrix-js-sdk", "menbob")]);
    bot = await scenario.reserve("men");
    const look = await scenario.rig.homeserver.login(bot.userId, bot.password, "setup");
    await fetch(`${look.homeserver}/_matrix/client/v3/profile/${encodeURIComponent(bot.userId)}/displayname`, {
      method: "PUT",
      headers: { authorization: `Bearer ${look.accessToken}` },
      body: JSON.stringify({ displayname: NAME }),
    });
    await fetch(`${look.homeserver}/_matrix/client/v3/logout`, { method: "POST", headers: { authorization: `Bearer ${look.accessToken}` } });
    await Promise.all(
      names.map(async (name) => {
        rooms[name] = await makeRoom(alice, { name, topic: `About ${name}`, invite: [bot.userId] });
        await bob.join(rooms[name]);
      }),
    );
    scenario.rig.home.patch((config) => {
      config.messages = { ...(config.messages as object | undefined), groupChat: { mentionPatterns: ["hey robot"] } };
    });
    scenario.configure(
      bot.accountId,
      scenario.settings({
        userId: bot.userId,
        password: bot.password,
        groupPolicy: "allowlist",
        mentionPatterns: { mode: "allow", denyIn: [rooms.nopatterns] },
        groups: {
          "*": { requireMention: true },
          [rooms.auto as string]: { requireMention: true, autoReply: true },
          [rooms.forced as string]: { requireMention: false, autoReply: false },
        },
      }),
    );
    await Promise.all(names.map((name) => alice.waitForMember(rooms[name] as string, bot.userId, { timeoutMs: ANSWER_MS })));
  });
  afterAll(async () => {
    scenario.rig.home.patch((config) => {
      delete config.messages;
    });
    await scenario.end();
  });

  const main = (): string => rooms.main as string;

  /** Nobody may have answered these, once something later in the same room was answered. */
  async function silent(asked: readonly Question[]): Promise<void> {
    for (const one of asked) await scenario.expectSilence(one, alice);
  }

  it("[MEN-3] every form of naming the bot that people can see is a mention, and nothing they cannot see is", async () => {
    const localpart = bot.userId.slice(1).split(":")[0] as string;
    const link = `https://matrix.to/#/${bot.userId}`;
    const hidden = { "m.mentions": { user_ids: [bot.userId] } };
    const html = (formatted_body: string) => ({ format: "org.matrix.custom.html", formatted_body });
    const unseen: ((text: string) => Record<string, unknown>)[] = [
      (text) => ({ body: text, ...hidden }),
      (text) => ({ body: text, ...html(`<a href="${link}"></a>${text}`), ...hidden }),
      (text) => ({ body: text, ...html(`<a href="${link}">\u200B\u2060</a>${text}`), ...hidden }),
      (text) => ({ body: `${bot.userId.replace("@men", "@m\u0435n")} ${text}` }),
      (text) => ({ body: `${bot.userId.toUpperCase()} ${text}` }),
      (text) => ({ body: `${bot.userId}.evil.test ${text}` }),
      (text) => ({ body: text, "m.mentions": { room: true } }),
      (text) => ({ body: `@room ${text}` }),
    ];
    const refused = unseen.map(() => question("Unseen."));
    for (const [index, form] of unseen.entries()) await post(alice, main(), form((refused[index] as Question).text));
    const seen: [string, (text: string) => Record<string, unknown>][] = [
      ["a pill with m.mentions", (text) => naming(bot.userId, text)],
      ["a pill alone", (text) => ({ body: `${NAME}: ${text}`, ...html(`<a href="${link}">${NAME}</a>: ${text}`) })],
      ["a matrix: link", (text) => ({ body: `${NAME} ${text}`, ...html(`<a href="matrix:u/${bot.userId.slice(1)}">${NAME}</a> ${text}`) })],
      ["the user id in plain text", (text) => ({ body: `Ask ${bot.userId}, please. ${text}` })],
      ["m.mentions and the name in the text", (text) => ({ body: `What says ${NAME} to that? ${text}`, ...hidden })],
      ["@ and the local part", (text) => ({ body: `@${localpart} ${text}` })],
      ["FluffyChat's @[Name]", (text) => ({ body: `@[${NAME}] ${text}` })],
      ["the name and a colon", (text) => ({ body: `${NAME}: ${text}` })],
      ["@room with m.mentions.room", (text) => ({ body: `@room ${text}`, "m.mentions": { room: true } })],
    ];
    for (const [title, form] of seen) {
      const asked = question(title);
      await post(alice, main(), form(asked.text));
      await scenario.answer(alice, bot, asked);
    }
    await silent(refused);
  });

  it("[MEN-7][MEN-11] the agent reads what the person wrote: no address before it, pills as names, no reply fallback, no markup", async () => {
    const said = await post(bob, main(), { body: "Something Bob said." });
    const asked = question("is *this* right?");
    await post(alice, main(), {
      body: `> <${bob.userId}> Something Bob said.\n\n${NAME}: ${bob.userId} asks: ${asked.text}`,
      format: "org.matrix.custom.html",
      formatted_body: `<mx-reply><blockquote>Something Bob said.</blockquote></mx-reply><a href="https://matrix.to/#/${bot.userId}">${NAME}</a>: <a href="https://matrix.to/#/${bob.userId}">Bob</a> asks: <b>is</b> this &lt;right&gt;? MARK: ${asked.marker}`,
      "m.mentions": { user_ids: [bot.userId, bob.userId] },
      "m.relates_to": { "m.in_reply_to": { event_id: said } },
    });
    await scenario.answer(alice, bot, asked);
    const prompt = await scenario.promptOf(asked);
    const line = prompt.split("\n").find((one) => one.includes(`MARK: ${asked.marker}`));
    expect(line).toContain("Bob asks:");
    expect(line).not.toMatch(/matrix\.to|<a |<b>|mx-reply/);
    expect(line?.trim().startsWith(NAME)).toBe(false);
    expect(prompt).not.toContain("> <@");
    const emote = question("waves at the bot.");
    await post(alice, main(), { ...naming(bot.userId, emote.text), msgtype: "m.emote" });
    await scenario.answer(alice, bot, emote);
    expect(await scenario.promptOf(emote)).toContain("waves at the bot.");
  });

  it("[MEN-1][MEN-2] autoReply has the last word over requireMention, either way", async () => {
    const refused = question("Unmentioned where a mention is forced.");
    await post(alice, rooms.forced as string, { body: refused.text });
    const asked = question("Unmentioned where none is needed.");
    await post(alice, rooms.auto as string, { body: asked.text });
    await scenario.answer(alice, bot, asked);
    const named = question();
    await post(alice, rooms.forced as string, naming(bot.userId, named.text));
    await scenario.answer(alice, bot, named);
    await silent([refused]);
  });

  it("[MEN-4] a mention pattern counts where it may; a pill counts everywhere", async () => {
    const asked = question();
    await post(alice, rooms.patterns as string, { body: `Hey robot, ${asked.text}` });
    await scenario.answer(alice, bot, asked);
    const refused = question();
    await post(alice, rooms.nopatterns as string, { body: `Hey robot, ${refused.text}` });
    const pill = question();
    await post(alice, rooms.nopatterns as string, naming(bot.userId, pill.text));
    await scenario.answer(alice, bot, pill);
    await silent([refused]);
  });

  it("[MEN-8][HST-1] a reply to the bot and a thread it takes part in need no mention, unless the settings say so", async () => {
    const room = rooms.implicit as string;
    const asked = question();
    const root = await post(alice, room, naming(bot.userId, asked.text));
    const answer = await scenario.answer(alice, bot, asked);
    const elsewhere = await post(bob, room, { body: "Said to nobody." });
    const refused = [question("A reply to Bob."), question("In a thread without the bot.")] as const;
    const inThread = (rootId: string) => ({ "m.relates_to": { rel_type: "m.thread", event_id: rootId, is_falling_back: true, "m.in_reply_to": { event_id: rootId } } });
    const replyTo = (eventId: string) => ({ "m.relates_to": { "m.in_reply_to": { event_id: eventId } } });
    await post(alice, room, { body: refused[0].text, ...replyTo(elsewhere) });
    await post(alice, room, { body: refused[1].text, ...inThread(elsewhere) });
    const reply = question("A reply to the bot.");
    await post(alice, room, { body: reply.text, ...replyTo(answer.eventId) });
    await scenario.answer(alice, bot, reply);
    const opening = question("Into a thread.");
    await post(alice, room, { ...naming(bot.userId, opening.text), ...inThread(root) });
    expect((await scenario.answer(alice, bot, opening)).threadRootId).toBe(root);
    const followUp = question("And on, without a mention.");
    await post(alice, room, { body: followUp.text, ...inThread(root) });
    expect((await scenario.answer(alice, bot, followUp)).threadRootId).toBe(root);
    await silent(refused);

    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.implicitMentions = { replyToBot: false, threadParticipation: false, quotedBot: true };
    });
    const off = [question("A reply to the bot, again."), question("In the thread, again.")] as const;
    await post(alice, room, { body: off[0].text, ...replyTo(answer.eventId) });
    await post(alice, room, { body: off[1].text, ...inThread(root) });
    const quoted = question("About what you said:");
    await post(alice, room, { body: `https://matrix.to/#/${encodeURIComponent(room)}/${encodeURIComponent(answer.eventId)} ${quoted.text}` });
    await scenario.answer(alice, bot, quoted);
    const inThreadNamed = question();
    await post(alice, room, { ...naming(bot.userId, inThreadNamed.text), ...inThread(root) });
    await scenario.answer(alice, bot, inThreadNamed);
    await silent(off);
  });

  it("[MEN-9] a user id in an answer is a pill and a mention; @room rings nobody", async () => {
    const asked = question();
    await scenario.rig.model.script(asked.marker, { text: `Answer to ${asked.marker}: ask ${bob.userId}, and tell @room.` });
    await post(alice, main(), naming(bot.userId, asked.text));
    const { content } = await scenario.answer(alice, bot, asked);
    expect(content["m.mentions"]).toEqual({ user_ids: [bob.userId] });
    expect(content.formatted_body).toContain(`<a href="https://matrix.to/#/${bob.userId}"`);
    const { notifications } = await bob.request<{ notifications: { event: { content: { body?: string } }; actions: unknown[] }[] }>("GET", "v3/notifications?limit=20");
    const ring = notifications.find((one) => one.event.content.body?.includes(asked.marker) && one.event.content.body.includes("Answer to"));
    expect(JSON.stringify(ring?.actions)).toContain("highlight");
  });
});
