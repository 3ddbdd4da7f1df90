import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExplainReport } from "../../ts/operations/explain.ts";
import { until } from "../support/process.ts";
import { makeRoom, naming, post } from "./plain-rooms.ts";
import { ANSWER_MS, type Bot, type Human, question, Scenario } from "./scenario.ts";

/** The host's pairing code, in the command that approves it. */
const CODE = /pairing approve matrix ([A-HJ-NP-Z2-9]{8})\b/;

/** A letter that looks like another one, in another script. */
function lookalike(userId: string): string {
  return userId.replace("a", "\u0430");
}

describe("who may talk in direct messages, rule by rule", () => {
  const scenario = new Scenario();
  let listed: Human;
  let unlisted: Human;
  beforeAll(async () => {
    [listed, unlisted] = await Promise.all([scenario.person("matrix-js-sdk", "dmalice"), scenario.person("matrix-nio", "dmmallory")]);
    scenario.rig.home.patch((config) => {
      config.accessGroups = { staff: { type: "message.senders", members: { matrix: [listed.userId] } } };
    });
  });
  afterAll(async () => {
    scenario.rig.home.patch((config) => {
      delete config.accessGroups;
    });
    await scenario.end();
  });

  function explain(bot: Bot, room: string, user: string): Promise<ExplainReport> {
    return scenario.call<ExplainReport>("matrix.explain", { accountId: bot.accountId, room, user });
  }

  /** Waits until the account has dropped that many messages of a room. */
  function dropsIn(bot: Bot, room: string, user: string, count: number): Promise<ExplainReport["drops"]> {
    return until(`${count} dropped messages in ${room}`, ANSWER_MS, async () => {
      const { drops } = await explain(bot, room, user);
      return drops.reduce((sum, drop) => sum + drop.count, 0) >= count && drops;
    }, 500);
  }

  it("[ACL-2][ACL-11] an id in another case, a look-alike and a name admit nobody, until names are allowed to", async () => {
    const name = `Alice ${crypto.randomUUID()}`;
    await listed.request("PUT", `v3/profile/${encodeURIComponent(listed.userId)}/displayname`, { displayname: name });
    const upper = listed.userId.replace("@d", "@D");
    expect(upper).not.toBe(listed.userId);
    const bot = await scenario.addBot("names", { dm: { policy: "allowlist", allowFrom: [upper, lookalike(listed.userId), name] } });
    const room = await scenario.openDm(listed, bot, { encrypted: true });
    const refused = question();
    await listed.send(room, refused.text);
    const [drop] = await dropsIn(bot, room, listed.userId, 1);
    expect(drop).toMatchObject({ reason: "dm_not_allowed", fix: expect.stringContaining(`channels.matrix.accounts.${bot.accountId}.dm.allowFrom`) });
    await scenario.expectSilence(refused, listed);
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.dangerouslyAllowNameMatching = true;
    });
    await scenario.ask(listed, room, bot);
  });

  it("[ACL-3][ACL-1] dm.enabled false closes direct messages and leaves rooms open", async () => {
    const bot = await scenario.addBot("nodm", { dm: { enabled: false, policy: "open", allowFrom: ["*"] } });
    const dm = await scenario.openDm(listed, bot, { encrypted: false });
    const room = await makeRoom(listed, { name: "Not a direct message", invite: [bot.userId] });
    await listed.waitForMember(room, bot.userId);
    const refused = question();
    await listed.send(dm, refused.text);
    const [drop] = await dropsIn(bot, dm, listed.userId, 1);
    expect(drop?.reason).toBe("dm_disabled");
    const asked = question();
    await post(listed, room, naming(bot.userId, asked.text));
    await scenario.answer(listed, bot, asked);
    await scenario.expectSilence(refused, listed);
  });

  it("[ACL-10][ACL-12][INS-10] allowlistOnly makes allowlists of open policies; an edited list counts without a restart", async () => {
    const bot = await scenario.addBot("only", { allowlistOnly: true, dm: { policy: "open", allowFrom: [listed.userId] }, groupPolicy: "open" });
    const [theirs, ours] = await Promise.all([scenario.openDm(unlisted, bot, { encrypted: true }), scenario.openDm(listed, bot, { encrypted: true })]);
    const room = await makeRoom(unlisted, { name: "Open to all", invite: [bot.userId] });
    await unlisted.waitForMember(room, bot.userId);
    const [inDm, inRoom] = [question(), question()];
    await unlisted.send(theirs, inDm.text);
    await post(unlisted, room, naming(bot.userId, inRoom.text));
    const starts = async (): Promise<number> => (await scenario.rig.gateway.log()).match(/\[gateway\] ready\b/g)?.length ?? 0;
    const before = await starts();
    await scenario.ask(listed, ours, bot);
    expect((await dropsIn(bot, theirs, unlisted.userId, 1))[0]?.reason).toBe("dm_not_allowed");
    expect((await dropsIn(bot, room, unlisted.userId, 1))[0]?.reason).toBe("room_not_listed");
    await scenario.expectSilence(inDm, unlisted);
    await scenario.expectSilence(inRoom, unlisted);
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.dm = { policy: "open", allowFrom: [listed.userId, unlisted.userId] };
    });
    await scenario.ask(unlisted, theirs, bot);
    expect(await starts(), "gateway starts").toBe(before);
  });

  it("[ACL-17] an access group admits its members and nobody else", async () => {
    const bot = await scenario.addBot("staff", { dm: { policy: "allowlist", allowFrom: ["accessGroup:staff"] } });
    const [theirs, ours] = await Promise.all([scenario.openDm(unlisted, bot, { encrypted: false }), scenario.openDm(listed, bot, { encrypted: false })]);
    const refused = question();
    await unlisted.send(theirs, refused.text);
    await scenario.ask(listed, ours, bot);
    await dropsIn(bot, theirs, unlisted.userId, 1);
    await scenario.expectSilence(refused, unlisted);
  });

  it("[PAI-2][PAI-3][PAI-4][PAI-5][ACL-16] one code however often they ask; listed, approved and told; it opens no room", async () => {
    const bot = await scenario.addBot("pair", { dm: { policy: "pairing" }, groupPolicy: "allowlist", groupAllowFrom: [listed.userId], groups: { "*": { requireMention: true } } });
    const dm = await scenario.openDm(unlisted, bot, { encrypted: true });
    const early = [question("First."), question("Second."), question("Third.")];
    for (const asked of early) await unlisted.send(dm, asked.text);
    const said = (): string[] => unlisted.events.filter((event) => event.sender === bot.userId && event.roomId === dm && event.type === "m.room.message").map((event) => event.body);
    await dropsIn(bot, dm, unlisted.userId, 3);
    const code = await until("a pairing code", ANSWER_MS, () => said().map((text) => CODE.exec(text)?.[1]).find(Boolean));
    expect(said(), "what the unknown sender was told").toHaveLength(1);
    for (const asked of early) await scenario.expectSilence(asked, unlisted);

    const list = await scenario.rig.home.run(["pairing", "list", "matrix", "--account", bot.accountId, "--json"]);
    const { requests } = JSON.parse(list.slice(list.indexOf("{"))) as { requests: { id: string; code: string }[] };
    expect(requests).toMatchObject([{ id: unlisted.userId, code }]);
    // Without --notify, for which the host's command loads no channel; the Control UI below has one.
    await scenario.rig.home.run(["pairing", "approve", "matrix", code, "--account", bot.accountId]);
    await scenario.ask(unlisted, dm, bot);

    // Another one asks; the Control UI has them in its queue, and approves or dismisses there.
    const other = await scenario.openDm(listed, bot, { encrypted: false });
    await listed.send(other, question().text);
    const queue = { channel: "matrix", accountId: bot.accountId };
    type Queue = { requests: { requestId: string; senderId: string; senderLabel: string }[] };
    const [waiting] = await until("a request in the queue", ANSWER_MS, async () => {
      const { requests } = await scenario.call<Queue>("channels.pairing.list", queue);
      return requests.length > 0 && requests;
    }, 500);
    expect(waiting).toMatchObject({ senderId: listed.userId, senderLabel: "matrixUserId" });
    await scenario.call("channels.pairing.dismiss", { ...queue, requestId: waiting?.requestId });
    expect((await scenario.call<Queue>("channels.pairing.list", queue)).requests).toEqual([]);
    await listed.send(other, question().text);
    const [again] = await until("the next request", ANSWER_MS, async () => {
      const { requests } = await scenario.call<Queue>("channels.pairing.list", queue);
      return requests.length > 0 && requests;
    }, 500);
    const done = await scenario.call<{ notification: string }>("channels.pairing.approve", { ...queue, requestId: again?.requestId, notify: true });
    expect(done.notification).toBe("sent");
    await listed.waitForEvent((event) => event.roomId === other && event.sender === bot.userId && event.body.includes("approved"), { what: "word of the approval in the room", timeoutMs: ANSWER_MS });
    await scenario.ask(listed, other, bot);

    const room = await makeRoom(unlisted, { name: "A room", invite: [bot.userId] });
    await unlisted.waitForMember(room, bot.userId);
    const refused = question();
    await post(unlisted, room, naming(bot.userId, refused.text));
    expect((await dropsIn(bot, room, unlisted.userId, 1))[0]?.reason).toBe("room_sender_not_allowed");
    await scenario.expectSilence(refused, unlisted);
  });
});
