import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Direction } from "matrix-js-sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExplainReport } from "../../ts/operations/explain.ts";
import type { InvitesReport } from "../../ts/operations/invites.ts";
import { Federation } from "../homeserver/federation.ts";
import { png } from "../support/files.ts";
import type { JsSdkHuman, NioHuman } from "../support/humans/index.ts";
import { until } from "../support/process.ts";
import { useMessageTool } from "./message-tool.ts";
import { makeRoom, memberships, naming, post } from "./plain-rooms.ts";
import { ANSWER_MS, type Bot, question, Scenario } from "./scenario.ts";

/** The agent's accounts are on one homeserver, `near`, and most of those who talk to them on the other, `far`. */
describe("federation", () => {
  const scenario = new Scenario();
  let federation: Federation;
  let bot: Bot;
  /** One localpart, two people. */
  let near: JsSdkHuman;
  let far: JsSdkHuman;
  let bob: NioHuman;

  beforeAll(async () => {
    federation = await Federation.start();
    const [here, there] = await federation.namesakes("alice");
    [near, far, bob, bot] = await Promise.all([
      scenario.person("matrix-js-sdk", "near", here) as Promise<JsSdkHuman>,
      scenario.person("matrix-js-sdk", "far", there) as Promise<JsSdkHuman>,
      federation.far.register("bob").then((user) => scenario.person("matrix-nio", "bob", user) as Promise<NioHuman>),
      addBot("fed"),
    ]);
  });
  afterAll(async () => {
    await scenario.end();
    await federation?.remove();
  });

  async function addBot(name: string, extra: Record<string, unknown> = {}): Promise<Bot> {
    const added = await scenario.reserve(name, federation.near);
    configure(added, extra);
    return added;
  }

  function configure({ accountId, userId, password }: Bot, extra: Record<string, unknown> = {}): void {
    scenario.configure(accountId, scenario.settings({ homeserver: federation.near.baseUrl, userId, password, ...extra }));
  }

  /** Waits until the account has dropped a message in a room; why. */
  function dropped(account: Bot, room: string, user: string): Promise<string> {
    return until(`a dropped message in ${room}`, ANSWER_MS, async () => {
      const { drops } = await scenario.call<ExplainReport>("matrix.explain", { accountId: account.accountId, room, user });
      return drops[0]?.reason;
    }, 500);
  }

  it("[ACC-10][ENC-1][INV-1] encrypted direct messages of people of another homeserver are joined and answered, whatever their client", async () => {
    for (const person of [far, bob]) {
      const room = await scenario.openDm(person, bot, { encrypted: true });
      expect(room, "an id of room version 12").not.toContain(":");
      const { eventId, answer } = await scenario.ask(person, room, bot);
      expect(answer.encrypted).toBe(true);
      for (const id of [eventId, answer.eventId]) expect((await person.wire(room, id)).type).toBe("m.room.encrypted");
      expect((await scenario.ask(person, room, bot)).answer.roomId).toBe(room);
    }
  });

  it("[ACC-10] in an encrypted room people of both homeservers ask, and both read the answers", async () => {
    const room = await far.createRoom({ encrypted: true, invite: [bot.userId, near.userId], name: "Both sides" });
    await near.join(room);
    for (const user of [bot, near, far]) await Promise.all([near, far].map((person) => person.waitForMember(room, user.userId, { timeoutMs: ANSWER_MS })));
    for (const person of [far, near]) {
      const asked = question();
      await person.mention(room, bot.userId, asked.text);
      for (const reader of [far, near]) {
        const answer = await scenario.answer(reader, bot, asked);
        expect([answer.roomId, answer.encrypted]).toEqual([room, true]);
      }
    }
  });

  it("[ACC-10][MED-1][MED-6] a picture gets to the agent from a person of another homeserver, and one of the agent's to them", async () => {
    const room = await scenario.openDm(bob, bot, { encrypted: true });
    const [theirs, ours, asked] = [png(60, 40), png(50, 30), question("Show me another one.")];
    const workspace = join(scenario.rig.home.stateDir, "workspace");
    mkdirSync(workspace, { recursive: true });
    writeFileSync(join(workspace, "far.png"), ours);
    await scenario.rig.model.script(asked.marker, { text: `Here: ${asked.marker}.\n\nMEDIA:${join(workspace, "far.png")}` });
    const info = { mimetype: "image/png", size: theirs.length };
    await bob.sendContent(room, "m.room.message", { msgtype: "m.image", body: asked.text, filename: "cat.png", info, ...(await bob.upload(theirs, "image/png", true)) });
    const { content } = await bob.waitForEvent((event) => event.sender === bot.userId && event.content.filename === "far.png", { what: "the agent's picture", timeoutMs: ANSWER_MS });
    expect((await bob.fetchFile(content)).equals(ours)).toBe(true);
    const inbound = join(scenario.rig.home.stateDir, "media", "inbound");
    expect(readdirSync(inbound).some((name) => readFileSync(join(inbound, name)).equals(theirs)), "the host has their picture").toBe(true);
  });

  it("[ACC-10][ACL-1][ACL-4][INV-2][INV-4] lists of people, rooms and inviters tell the homeservers apart", { timeout: 400_000 }, async () => {
    expect(near.userId.split(":")[0]).toBe(far.userId.split(":")[0]);
    const local = `team-${crypto.randomUUID()}`;
    const alias = `#${local}:${federation.far.serverName}`;
    const [room, unlisted] = await Promise.all([makeRoom(far, { name: "Listed", room_alias_name: local }), makeRoom(far, { name: "Not listed" })]);
    const picky = await addBot("picky", {
      dm: { policy: "allowlist", allowFrom: [near.userId] },
      groupPolicy: "allowlist",
      groupAllowFrom: [far.userId],
      groups: { [alias]: {} },
      autoJoin: "allowlist",
      autoJoinAllowlist: [alias],
      autoJoinFrom: [`*:${federation.near.serverName}`],
    });
    const theirs = await far.createDm(picky.userId, { encrypted: true });
    for (const one of [unlisted, room]) await far.invite(one, picky.userId);
    const ours = await scenario.openDm(near, picky, { encrypted: true });
    await scenario.ask(near, ours, picky);

    await far.waitForMember(room, picky.userId, { timeoutMs: ANSWER_MS });
    await near.request("POST", `v3/join/${encodeURIComponent(alias)}?server_name=${federation.far.serverName}`, {});
    const [asked, refused] = [question(), question()];
    await post(near, room, naming(picky.userId, refused.text));
    expect(await dropped(picky, room, near.userId)).toBe("room_sender_not_allowed");
    await post(far, room, naming(picky.userId, asked.text));
    expect((await scenario.answer(far, picky, asked)).roomId).toBe(room);

    const { invites } = await scenario.call<InvitesReport>("matrix.invites.list", { accountId: picky.accountId });
    expect(new Set(invites.map(({ roomId, inviter }) => `${roomId} ${inviter}`))).toEqual(new Set([theirs, unlisted].map((roomId) => `${roomId} ${far.userId}`)));
    await scenario.call("matrix.invites.accept", { accountId: picky.accountId, room: theirs });
    await far.waitForMember(theirs, picky.userId, { timeoutMs: ANSWER_MS });
    const unheard = question();
    await far.send(theirs, unheard.text);
    expect(await dropped(picky, theirs, far.userId)).toBe("dm_not_allowed");
    await scenario.expectSilence(refused, near, far);
    await scenario.expectSilence(unheard, far);
  });

  it("[ACC-10][SES-9][SES-10] the agent writes to a person of another homeserver first, and to a room there by its alias", async () => {
    const local = `hall-${crypto.randomUUID()}`;
    const alias = `#${local}:${federation.far.serverName}`;
    const hall = await makeRoom(far, { name: "Hall", room_alias_name: local, invite: [bot.userId] });
    await far.waitForMember(hall, bot.userId, { timeoutMs: ANSWER_MS });
    const carol = (await scenario.person("matrix-js-sdk", "carol", await federation.far.register("carol"))) as JsSdkHuman;
    const asking = await scenario.openDm(near, bot, { encrypted: true });
    const { results } = await useMessageTool(scenario, near, asking, bot, [
      { action: "send", target: `user:${carol.userId}`, message: "Good morning, Carol." },
      { action: "send", target: `room:${alias}`, message: "Good morning, all." },
    ]);
    expect((await far.waitForMessage(bot.userId, "Good morning, all.", { timeoutMs: ANSWER_MS })).roomId, JSON.stringify(results)).toBe(hall);

    const room = await scenario.invitation(carol, bot);
    await carol.join(room);
    // What was said before one joined is on the other homeserver: a client fetches it as its person scrolls up.
    const greeting = await until("the message before the joining", ANSWER_MS, async () => {
      const found = carol.events.find((event) => event.roomId === room && event.sender === bot.userId && event.body === "Good morning, Carol.");
      const { chunk } = found ? { chunk: [] } : await carol.sdk.createMessagesRequest(room, null, 30, Direction.Backward);
      chunk.map(carol.sdk.getEventMapper());
      return found;
    }, 500);
    expect(greeting.encrypted).toBe(true);
    await carol.waitForMember(room, bot.userId, { timeoutMs: ANSWER_MS });
    expect((await scenario.ask(carol, room, bot)).answer).toMatchObject({ roomId: room, encrypted: true });
    await useMessageTool(scenario, near, asking, bot, [{ action: "send", target: carol.userId, message: "And good night." }]);
    expect(await carol.waitForMessage(bot.userId, "And good night.", { timeoutMs: ANSWER_MS })).toMatchObject({ roomId: room, encrypted: true });
  });

  it("[ACC-10][INV-7] the successor of another homeserver's room is found through whoever closed it: ids of rooms name no homeserver", async () => {
    const old = await makeRoom(far, { name: "Old", invite: [bot.userId] });
    await far.waitForMember(old, bot.userId, { timeoutMs: ANSWER_MS });
    const { replacement_room: successor } = await far.request<{ replacement_room: string }>("POST", `v3/rooms/${encodeURIComponent(old)}/upgrade`, { new_version: "12" });
    for (const id of [old, successor]) expect(id).not.toContain(":");
    await far.waitForMember(successor, bot.userId, { timeoutMs: ANSWER_MS });
    const asked = question();
    await post(far, successor, naming(bot.userId, asked.text));
    expect((await scenario.answer(far, bot, asked)).roomId).toBe(successor);
  });

  it("[ACC-10][INV-5] an invite is accepted though the inviter's homeserver is down, as soon as it is back", async () => {
    const late = await scenario.reserve("late", federation.near);
    const room = await makeRoom(far, { preset: "private_chat", name: "Down", invite: [late.userId] });
    await federation.far.stop();
    const after = (await scenario.rig.gateway.log()).length;
    try {
      configure(late);
      await scenario.rig.gateway.waitForLog(new RegExp(`\\[${late.accountId}\\] could not join \\S+ yet, trying again`), { after, timeoutMs: ANSWER_MS });
    } finally {
      await federation.far.resume();
    }
    await until("the account to join", ANSWER_MS, async () => (await memberships(far, room))[late.userId] === "join", 500);
    const asked = question();
    await post(far, room, naming(late.userId, asked.text));
    await scenario.answer(far, late, asked);
  });
});
