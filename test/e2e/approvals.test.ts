import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { textOf } from "../support/model/answer.ts";
import { until } from "../support/process.ts";
import { ANSWER_MS, type Bot, type Human, question, Scenario, type SeenEvent } from "./scenario.ts";

interface Asked {
  id: string;
  kind: string;
  state: string;
  allowedDecisions: string[];
  commandText?: string;
}

/** What an event says of an approval to clients that know OpenClaw. */
function approval(event: SeenEvent): Asked | undefined {
  return event.content["com.openclaw.approval"] as Asked | undefined;
}

const token = (): string => `ran-${randomBytes(4).toString("hex")}`;

describe("approvals", () => {
  const scenario = new Scenario();
  let bot: Bot;
  let alice: Human;
  let mallory: Human;
  let dm: string;
  let room: string;

  beforeAll(async () => {
    [alice, mallory] = await Promise.all([scenario.person("matrix-nio", "alice"), scenario.person("matrix-js-sdk", "mallory")]);
    bot = await scenario.addBot("approve", {
      // Alice is an approver because she is listed here; Mallory may talk in rooms, and no more.
      dm: { policy: "allowlist", allowFrom: [alice.userId] },
      groupPolicy: "allowlist",
      groups: { "*": { requireMention: true, users: [alice.userId, mallory.userId] } },
      execApprovals: { target: "both" },
    });
    dm = await scenario.openDm(alice, bot, { encrypted: true });
    room = await alice.createRoom({ encrypted: true, invite: [bot.userId, mallory.userId] });
    await mallory.join(room);
    await alice.waitForMember(room, bot.userId, { timeoutMs: ANSWER_MS });
    await mallory.waitForMember(room, alice.userId);
  });
  afterAll(async () => {
    scenario.rig.home.patch((config) => {
      delete config.approvals;
    });
    await scenario.end();
  });

  const isPrompt = (event: SeenEvent, roomId: string, command: string): boolean =>
    event.sender === bot.userId && event.roomId === roomId && event.replacesId === undefined && approval(event)?.state === "pending" && event.body.includes(command);

  function prompt(person: Human, roomId: string, command: string): Promise<SeenEvent> {
    return person.waitForEvent((event) => isPrompt(event, roomId, command), { what: `a prompt for ${command} in ${roomId}`, timeoutMs: ANSWER_MS });
  }

  const prompts = (person: Human, roomId: string, command: string): SeenEvent[] => person.events.filter((event) => isPrompt(event, roomId, command));

  function closed(person: Human, of: SeenEvent, outcome: string): Promise<SeenEvent> {
    return person.waitForEvent((event) => event.sender === bot.userId && event.replacesId === of.eventId && (event.newBody ?? "").includes(outcome), { what: `"${outcome}" on ${of.eventId}` });
  }

  /** A task whose agent runs a command that needs approval. */
  async function task(command: string) {
    const asked = question(`/exec security=full ask=always Run it.`);
    await scenario.rig.model.script(asked.marker, { toolCalls: [{ name: "exec", arguments: { command: `echo ${command}` } }] }, { text: `Done: ${asked.marker}.` });
    return asked;
  }

  async function toolResult(marker: string): Promise<string> {
    const last = (await scenario.rig.model.prompts(marker)).at(-1);
    return (last?.messages ?? []).filter(({ role }) => role === "tool").map(textOf).at(-1) ?? "";
  }

  /** An approval that something on the gateway asks for on behalf of the room. */
  function request(command: string, extra: Record<string, unknown> = {}): Promise<{ id: string; decision: string | null }> {
    return scenario.call("exec.approval.request", { command: `echo ${command}`, host: "gateway", agentId: "main", turnSourceChannel: "matrix", turnSourceTo: `room:${room}`, turnSourceAccountId: bot.accountId, timeoutMs: 120_000, ...extra });
  }

  it("[APR-1][APR-3][APR-5][APR-7][APR-8] a command runs once the approver reacts, and the prompt says so", async () => {
    const command = token();
    const asked = await task(command);
    await alice.send(dm, asked.text);
    const asking = await prompt(alice, dm, command);
    expect(asking.encrypted).toBe(true);
    expect(approval(asking)).toMatchObject({ version: 1, type: "approval.request", kind: "exec", state: "pending", commandText: expect.stringContaining(command) });
    for (const decision of approval(asking)?.allowedDecisions ?? []) {
      const emoji = { "allow-once": "✅", "allow-always": "♾️", deny: "❌" }[decision];
      await alice.waitForEvent((event) => event.sender === bot.userId && event.reaction?.targetId === asking.eventId && event.reaction.key === emoji, { what: `the reaction for ${decision}` });
    }
    await alice.react(dm, asking.eventId, "✅");
    await scenario.answer(alice, bot, asked);
    expect(await toolResult(asked.marker)).toContain(command);
    expect(approval(await closed(alice, asking, "Allowed once"))).toMatchObject({ state: "resolved", decision: "allow-once" });
    // Both places are one here.
    expect(prompts(alice, dm, command)).toHaveLength(1);
  });

  it("[APR-2][APR-3][APR-6][APR-7][THR-9] asked in a thread and in the direct message, a stranger decides nothing, `/approve … deny` refuses", async () => {
    const command = token();
    const asked = await task(command);
    const root = await alice.send(room, "A thread.");
    await alice.mention(room, bot.userId, asked.text, root);
    const [asking, direct] = await Promise.all([prompt(mallory, room, command), prompt(alice, dm, command)]);
    expect(asking.threadRootId).toBe(root);
    const { id } = approval(asking) as Asked;
    await mallory.react(room, asking.eventId, "✅");
    await mallory.mention(room, bot.userId, `/approve ${id} allow-once`, root);
    await mallory.waitForMessage(bot.userId, "You may not approve", { timeoutMs: ANSWER_MS });
    expect(alice.events.filter((event) => event.replacesId === direct.eventId)).toEqual([]);
    await alice.mention(room, bot.userId, `/approve ${id} deny`, root);
    await scenario.answer(alice, bot, asked);
    expect(await toolResult(asked.marker)).toMatch(/denied/i);
    await Promise.all([closed(mallory, asking, "Denied"), closed(alice, direct, "Denied")]);
  });

  it("[APR-3][APR-7] with target dm the room hears nothing, and what nobody answers is taken back", async () => {
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.execApprovals = { target: "dm" };
    });
    const command = token();
    const request_ = request(command, { timeoutMs: 6000 });
    const asking = await prompt(alice, dm, command);
    expect((await request_).decision).toBeNull();
    await until("the prompt to be taken back", 30_000, async () => Object.keys((await alice.wire(dm, asking.eventId)).content).length === 0, 250);
    expect(prompts(mallory, room, command)).toEqual([]);
  });

  it("[APR-4][APR-9] a prompt of before the account's restart is answered after it, others than the filter's agents are not asked for", async () => {
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.execApprovals = { target: "dm", agentFilter: ["main"] };
    });
    const command = token();
    const decided = request(command);
    const asking = await prompt(alice, dm, command);
    // A changed configuration waits for what is asked; a person who stops and starts the channel does not.
    const account = { channel: "matrix", accountId: bot.accountId };
    await scenario.call("channels.stop", account);
    await scenario.call("channels.start", account);
    await alice.react(dm, asking.eventId, "✅");
    expect((await decided).decision).toBe("allow-once");
    await closed(alice, asking, "Allowed once");
    expect(prompts(alice, dm, command)).toHaveLength(1);
    const other = token();
    expect((await request(other, { agentId: "other", timeoutMs: 3000 })).decision).toBeNull();
    expect(prompts(alice, dm, other)).toEqual([]);
  });

  it("[APR-2] what plugins ask is answered the same way", async () => {
    const title = `Plugin ${token()}`;
    const decided = scenario.call<{ decision: string }>("plugin.approval.request", { title, description: "May I?", agentId: "main", turnSourceChannel: "matrix", turnSourceTo: `room:${room}`, turnSourceAccountId: bot.accountId, timeoutMs: 120_000 });
    const asking = await prompt(alice, dm, title);
    expect(approval(asking)).toMatchObject({ kind: "plugin" });
    await alice.react(dm, asking.eventId, "❌");
    expect((await decided).decision).toBe("deny");
    await closed(alice, asking, "Denied");
  });

  it("[APR-11] the host's configuration sends it to somebody else as well, who then may answer", async () => {
    scenario.rig.home.patch((config) => {
      config.approvals = { exec: { enabled: true, mode: "targets", targets: [{ channel: "matrix", to: `user:${mallory.userId}`, accountId: bot.accountId }] } };
    });
    // The gateway has taken both in once it runs the account by the second.
    await scenario.reconfigure(bot.accountId, (settings) => {
      settings.execApprovals = { target: "dm" };
    });
    const command = token();
    const decided = request(command);
    const asking = await prompt(alice, dm, command);
    const invite = await scenario.invitation(mallory, bot);
    await mallory.join(invite);
    await mallory.waitForEvent((event) => event.roomId === invite && event.sender === bot.userId && event.body.includes(command), { what: "the forwarded prompt", timeoutMs: ANSWER_MS });
    await mallory.mention(room, bot.userId, `/approve ${(approval(asking) as Asked).id} allow-once`);
    expect((await decided).decision).toBe("allow-once");
    await closed(alice, asking, "Allowed once");
  });

  it("[APR-12] an approver who has left the direct message gets a new one", async () => {
    const carol = await scenario.person("matrix-nio", "carol");
    const other = await scenario.addBot("moved", { dm: { policy: "allowlist", allowFrom: [carol.userId] }, execApprovals: { target: "dm" } });
    const former = await scenario.openDm(carol, other, { encrypted: true });
    await scenario.ask(carol, former, other);
    await carol.leave(former);
    const inspected = () => scenario.matrix<{ activeRoomId: string | null; mappedRoomIds: string[] }>(other, ["direct", "inspect", "--user-id", carol.userId]);
    await until("the account to know", ANSWER_MS, async () => (await inspected()).activeRoomId === null, 250);
    const command = token();
    const decided = request(command, { turnSourceTo: `room:${former}`, turnSourceAccountId: other.accountId });
    const invite = await scenario.invitation(carol, other);
    expect(invite).not.toBe(former);
    await carol.join(invite);
    const asking = await carol.waitForEvent((event) => event.roomId === invite && approval(event)?.state === "pending" && event.body.includes(command), { what: "the prompt", timeoutMs: ANSWER_MS });
    expect((await inspected()).mappedRoomIds[0]).toBe(invite);
    await carol.react(invite, asking.eventId, "✅");
    expect((await decided).decision).toBe("allow-once");
  });
});
