import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExplainReport } from "../../ts/operations/explain.ts";
import { until } from "../support/process.ts";
import { makeRoom, post } from "./plain-rooms.ts";
import { ANSWER_MS, type Bot, type Human, Scenario } from "./scenario.ts";

describe("why is it silent, and who may talk", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  let alice: Human;
  let bot: Bot;
  let room: string;
  beforeAll(async () => {
    alice = await scenario.person("matrix-js-sdk", "whyalice");
    bot = await scenario.reserve("why");
    room = await makeRoom(alice, { name: "Why?", invite: [bot.userId] });
    scenario.configure(bot.accountId, scenario.settings({ userId: bot.userId, password: bot.password, groupPolicy: "allowlist", groups: { [room]: { users: [alice.userId] } } }));
    await alice.waitForMember(room, bot.userId, { timeoutMs: ANSWER_MS });
  });
  afterAll(() => scenario.end());

  it("[STA-4] the log has each cause once with its code, and `openclaw matrix explain` says which rule it was and what to change", async () => {
    const after = (await rig.gateway.log()).length;
    for (let index = 0; index < 3; index++) await post(alice, room, { body: "Said to nobody." });
    await until("three dropped messages", ANSWER_MS, async () => {
      const { drops } = await scenario.call<ExplainReport>("matrix.explain", { accountId: bot.accountId, room, user: alice.userId });
      return drops.some((drop) => drop.reason === "no_mention" && drop.count === 3);
    }, 500);
    const lines = (await rig.gateway.log()).slice(after).split("\n").filter((line) => line.includes(`[${bot.accountId}] no answer in ${room} (no_mention)`));
    expect(lines, "lines for three messages with one cause").toHaveLength(1);
    expect(lines[0]).toContain(`channels.matrix.accounts.${bot.accountId}.groups["${room}"].requireMention`);
    expect(lines[0]).not.toContain(alice.userId);

    const printed = await rig.home.run(["matrix", "explain", "--account", bot.accountId, "--room", room, "--user", alice.userId]);
    expect(printed).toContain("Taken for a room: it has an entry of its own in groups (listed_in_groups)");
    expect(printed).toContain("A message: not answered (no_mention)");
    expect(printed).toContain("A message that mentions the bot: answered");
    expect(printed).toContain("3 × no_mention");
    const stranger = await scenario.call<ExplainReport>("matrix.explain", { accountId: bot.accountId, room, user: "@nobody:elsewhere.test" });
    expect(stranger.mention).toMatchObject({ outcome: "dropped", reason: "room_sender_not_allowed", fix: expect.stringContaining("users") });
  });

  it("[SEC-2][STA-5] neither `config get` nor the logs show a password", async () => {
    const shown = await rig.home.run(["config", "get", `channels.matrix.accounts.${bot.accountId}`, "--json"]);
    expect(shown).toContain(bot.userId);
    expect(shown).not.toContain(bot.password);
    const logs = await rig.home.cli(["logs", "--plain", "--limit", "2000"]);
    expect(logs.stdout + (await rig.gateway.log())).not.toContain(bot.password);
    expect(logs.stdout).toContain(bot.accountId);
  });

  it("[HST-7] `openclaw channels capabilities` says what the homeserver can, and what the bot may in a room", async () => {
    const printed = await rig.home.run(["channels", "capabilities", "--channel", "matrix", "--account", bot.accountId, "--target", room]);
    expect(printed).toMatch(/Homeserver answers in \d+ ms, Matrix v1\.\d+/);
    expect(printed).toContain("Homeserver features:");
    expect(printed).toContain(`${bot.userId} in ${room}: power level 0, 2 member(s)`);
  });

  it("[ACL-15] `openclaw security audit` names open rooms, open direct messages and open invites of every account, with the key", async () => {
    const output = await rig.home.cli(["security", "audit", "--json"]);
    const report = output.stdout.slice(output.stdout.indexOf("{"));
    for (const part of [
      `channels.matrix.accounts.${bot.accountId}.autoJoin is \\"always\\"`,
      `channels.matrix.accounts.${bot.accountId}.dm.policy is \\"open\\"`,
    ]) expect(report).toContain(part);
    await scenario.reconfigure(bot.accountId, (settings) => Object.assign(settings, { autoJoin: "off", groupPolicy: "open", dm: { policy: "pairing" } }));
    const again = await rig.home.cli(["security", "audit", "--json"]);
    const now = again.stdout.slice(again.stdout.indexOf("{"));
    expect(now).toContain(`channels.matrix.accounts.${bot.accountId}.groupPolicy is \\"open\\"`);
    expect(now).not.toContain(`channels.matrix.accounts.${bot.accountId}.autoJoin is`);
    expect(now).not.toContain(`channels.matrix.accounts.${bot.accountId}.dm.policy is`);
  });
});
