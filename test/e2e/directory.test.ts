import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Human } from "../support/humans/index.ts";
import { type Bot, Scenario } from "./scenario.ts";

/** The host's commands run the plugin in their own process, beside the gateway that has the account's store. */
describe("the directory, beside a running gateway", () => {
  const scenario = new Scenario();
  let bot: Bot;
  let person: Human;
  let room: string;
  beforeAll(async () => {
    bot = await scenario.addBot("dir", { presence: "online" });
    person = await scenario.person("matrix-nio", "listed");
    await person.request("PUT", `v3/profile/${encodeURIComponent(person.userId)}/displayname`, { displayname: `Listed ${bot.accountId}` });
    room = await person.createRoom({ encrypted: true, invite: [bot.userId], name: `Hall ${bot.accountId}` });
    await person.waitForMember(room, bot.userId);
  });
  afterAll(() => scenario.end());

  async function command<T>(...args: string[]): Promise<T> {
    return JSON.parse(await scenario.rig.home.run([...args, "--channel", "matrix", "--account", bot.accountId, "--json"])) as T;
  }

  it("[DIR-1][HST-8] self, people, rooms and their members", { timeout: 600_000 }, async () => {
    expect(await command("directory", "self")).toMatchObject({ kind: "user", handle: bot.userId });
    const peers = await command<{ handle?: string }[]>("directory", "peers", "list", "--query", `Listed ${bot.accountId}`, "--limit", "5");
    expect(peers.map(({ handle }) => handle)).toContain(person.userId);
    const groups = await command<{ id: string; name?: string }[]>("directory", "groups", "list", "--query", `Hall ${bot.accountId}`);
    expect(groups).toMatchObject([{ id: `room:${room}`, name: `Hall ${bot.accountId}` }]);
    const members = await command<{ handle: string; rank: number; raw: { powerLevel: number | "creator" } }[]>("directory", "groups", "members", "--group-id", room);
    expect(members.map(({ handle, rank, raw }) => [handle, rank > 0, raw.powerLevel])).toEqual([
      [person.userId, true, "creator"],
      [bot.userId, false, 0],
    ]);
  });

  it("[DIR-2][HST-7] names are resolved, and the homeserver's capabilities are told", { timeout: 600_000 }, async () => {
    const resolved = JSON.stringify(await command("channels", "resolve", `Hall ${bot.accountId}`, "Nowhere", "--kind", "group"));
    expect(resolved).toContain(room);
    expect(resolved).toMatch(/"resolved":false/);
    const capabilities = JSON.stringify(await command("channels", "capabilities", "--target", `room:${room}`));
    expect(capabilities).toMatch(/"authenticatedMedia":true/);
    expect(capabilities).toMatch(/"powerLevel":0/);
  });

  it("[PRS-1] presence is what the configuration says", async () => {
    const { presence } = await person.request<{ presence: string }>("GET", `v3/presence/${encodeURIComponent(bot.userId)}/status`);
    expect(presence).toBe("online");
  });
});
