import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../support/process.ts";
import { makeRoom, naming, post } from "../plain-rooms.ts";
import { ANSWER_MS, type Bot, type Human, question, Scenario } from "../scenario.ts";

/** The keys of the host's sessions that a word occurs in. */
async function sessionKeys(scenario: Scenario, word: string): Promise<string[]> {
  const { sessions } = await scenario.call<{ sessions: { key: string }[] }>("sessions.list", { limit: 1000 });
  return sessions.map(({ key }) => key).filter((key) => key.toLowerCase().includes(word.toLowerCase()));
}

describe("accounts and where they lead", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  let alice: Human;
  beforeAll(async () => {
    alice = await scenario.person("matrix-js-sdk", "routealice");
  });
  afterAll(async () => {
    rig.home.patch((config) => {
      delete config.bindings;
      const agents = config.agents as { entries?: unknown };
      delete agents.entries;
    });
    rig.home.patchMatrix((matrix) => {
      for (const key of ["defaultAccount", "homeserver", "userId", "password", "network", "groups", "dm", "autoJoin", "encryption"]) delete matrix[key];
    });
    await scenario.end();
  });

  it("[ACC-7][ACC-9] five accounts start side by side, each with a folder of its own that nobody else may read", async () => {
    const begun = Date.now();
    const bots = await Promise.all(["c1", "c2", "c3", "c4", "c5"].map((name) => scenario.reserve(name)));
    for (const bot of bots) scenario.configure(bot.accountId, scenario.settings({ userId: bot.userId, password: bot.password }));
    const room = await makeRoom(alice, { name: "All five", invite: bots.map((bot) => bot.userId) });
    await Promise.all(bots.map((bot) => alice.waitForMember(room, bot.userId, { timeoutMs: 120_000 })));
    expect(Date.now() - begun, "milliseconds until all five were in the room").toBeLessThan(120_000);
    const accounts = join(rig.home.stateDir, "matrix-rs", "accounts");
    const owners = new Set<string>();
    for (const bot of bots) {
      const folder = join(accounts, bot.accountId);
      expect(statSync(folder).mode & 0o777, folder).toBe(0o700);
      const files = readdirSync(folder, { recursive: true, withFileTypes: true });
      for (const file of files) {
        const mode = statSync(join(file.parentPath, file.name)).mode & 0o777;
        expect(mode & 0o077, `${file.parentPath}/${file.name}`).toBe(0);
      }
      owners.add(JSON.stringify(files.map((file) => file.name).includes("account.json")));
    }
    expect([...owners]).toEqual(["true"]);
  });

  it("[ACC-4] a room scoped to one account is answered by that one alone", async () => {
    const [mine, other] = await Promise.all([scenario.addBot("scoped", { groupPolicy: "allowlist" }), scenario.addBot("unscoped", { groupPolicy: "allowlist" })]);
    const room = await makeRoom(alice, { name: "Two bots", invite: [mine.userId, other.userId] });
    await Promise.all([mine, other].map((bot) => alice.waitForMember(room, bot.userId, { timeoutMs: ANSWER_MS })));
    rig.home.patchMatrix((matrix) => {
      matrix.groups = { [room]: { account: mine.accountId, requireMention: false } };
    });
    await until("the shared entry to be in force", ANSWER_MS, async () => {
      const { room: seen } = await scenario.call<{ room: { entry: string | null } }>("matrix.explain", { accountId: mine.accountId, room, user: alice.userId });
      return seen.entry === room;
    }, 500);
    const asked = question();
    await post(alice, room, { body: asked.text });
    await scenario.answer(alice, mine, asked);
    const again = question();
    await post(alice, room, { ...naming(other.userId, again.text) });
    await scenario.answer(alice, mine, again);
    expect(alice.events.filter((event) => event.sender === other.userId)).toEqual([]);
    rig.home.patchMatrix((matrix) => {
      delete matrix.groups;
    });
  });

  it("[ACC-6] agents are bound to accounts, rooms and people", async () => {
    const [ops, plain] = await Promise.all([scenario.addBot("bound"), scenario.addBot("unbound")]);
    const room = await makeRoom(alice, { name: "Bound room", invite: [plain.userId] });
    rig.home.patch((config) => {
      config.agents = { ...(config.agents as object), entries: { main: { default: true }, ops: {}, desk: {} } };
      config.bindings = [
        { agentId: "desk", match: { channel: "matrix", accountId: plain.accountId, peer: { kind: "channel", id: room } } },
        { agentId: "ops", match: { channel: "matrix", accountId: ops.accountId } },
      ];
    });
    await alice.waitForMember(room, plain.userId, { timeoutMs: ANSWER_MS });
    const [opsDm, plainDm] = await Promise.all([scenario.openDm(alice, ops, { encrypted: false }), scenario.openDm(alice, plain, { encrypted: false })]);
    await until("the bindings to be in force", ANSWER_MS, async () => {
      const { agentId } = await scenario.call<{ agentId: string | null }>("matrix.explain", { accountId: ops.accountId, room: opsDm, user: alice.userId });
      return agentId === "ops";
    }, 500);
    await scenario.ask(alice, opsDm, ops);
    await scenario.ask(alice, plainDm, plain);
    const asked = question();
    await post(alice, room, naming(plain.userId, asked.text));
    await scenario.answer(alice, plain, asked);
    expect(await sessionKeys(scenario, `agent:ops:matrix:${ops.accountId}`)).toHaveLength(1);
    expect(await sessionKeys(scenario, `agent:desk:matrix:channel:${room}`)).toHaveLength(1);
    expect(await sessionKeys(scenario, `agent:main:matrix:${plain.accountId}`)).toHaveLength(1);
  });

  it("[ACC-1][ACC-2][ACC-3] without a default the commands ask which; the top level is `default`, and what it says is the others' default", async () => {
    const named: Bot = await scenario.addBot("named", { dm: { allowFrom: [alice.userId] } });
    const refused = await rig.home.cli(["matrix", "verify", "status"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("--account");
    expect(refused.stderr).toContain(named.accountId);
    const top = await scenario.reserve("top");
    rig.home.patchMatrix((matrix) => {
      Object.assign(matrix, {
        homeserver: rig.homeserver.baseUrl,
        network: { dangerouslyAllowPrivateNetwork: true },
        userId: top.userId,
        password: top.password,
        autoJoin: "always",
        encryption: true,
        dm: { policy: "open", allowFrom: ["*"] },
      });
      const accounts = matrix.accounts as Record<string, Record<string, unknown>>;
      // Its own list of people, the top level's policy.
      accounts[named.accountId] = { userId: named.userId, password: named.password, dm: { policy: "allowlist", allowFrom: [alice.userId] } };
    });
    const dm = await scenario.openDm(alice, { ...top, accountId: "default" }, { encrypted: true });
    await scenario.ask(alice, dm, { ...top, accountId: "default" });
    const status = JSON.parse((await rig.home.run(["matrix", "verify", "status", "--json"])).replace(/^[^{]*/, "")) as { userId: string };
    expect(status.userId).toBe(top.userId);
    rig.home.patchMatrix((matrix) => {
      matrix.defaultAccount = named.accountId;
    });
    const preferred = JSON.parse((await rig.home.run(["matrix", "verify", "status", "--json"])).replace(/^[^{]*/, "")) as { userId: string };
    expect(preferred.userId).toBe(named.userId);
    await scenario.ask(alice, await scenario.openDm(alice, named, { encrypted: true }), named);
  });
});
