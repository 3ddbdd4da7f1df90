import { afterAll, describe, expect, it } from "vitest";
import { type Credentials, request } from "../homeserver/users.ts";
import { question, Scenario } from "./scenario.ts";

describe("whose session it is", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  afterAll(() => scenario.end());

  /** A new token for the device that `user` has; the homeserver forgets the former one. */
  async function renewToken(user: Credentials): Promise<string> {
    const identifier = { type: "m.id.user", user: user.userId };
    const body = { type: "m.login.password", identifier, password: user.password, device_id: user.deviceId };
    return (await request<{ access_token: string }>(user.homeserver, "POST", "v3/login", { body })).access_token;
  }

  /** The encryption keys that the homeserver has of a device. */
  async function keysOf(user: Pick<Credentials, "userId" | "deviceId">, token: string): Promise<unknown> {
    const body = { device_keys: { [user.userId]: [user.deviceId] } };
    const { device_keys: keys } = await request<{ device_keys: Record<string, Record<string, { keys: object }>> }>(rig.homeserver.baseUrl, "POST", "v3/keys/query", { token, body });
    return keys[user.userId]?.[user.deviceId]?.keys;
  }

  it("[AUT-5] once it has logged in, an account needs no password any more", async () => {
    const person = await scenario.person("matrix-nio");
    const bot = await scenario.addBot("loggedin");
    const room = await scenario.openDm(person, bot, { encrypted: true });
    await scenario.ask(person, room, bot);
    const devices = await scenario.devicesOf(bot);
    await scenario.reconfigure(bot.accountId, (account) => {
      delete account.userId;
      delete account.password;
    });
    const { answer } = await scenario.ask(person, room, bot);
    expect(answer.encrypted).toBe(true);
    expect(await scenario.devicesOf(bot)).toEqual(devices);
    const { channelAccounts } = await scenario.call<{ channelAccounts: { matrix: { accountId: string }[] } }>("channels.status");
    expect(channelAccounts.matrix.find(({ accountId }) => accountId === bot.accountId)).toMatchObject({ configured: true, running: true });
  });

  it("[AUT-6] a new token of the same device: its keys stay, and what was encrypted before is read", async () => {
    const bot = await scenario.reserve("rotated");
    const user = await rig.homeserver.login(bot.userId, bot.password);
    scenario.configure(bot.accountId, scenario.settings({ accessToken: user.accessToken }));
    const person = await scenario.person("matrix-nio");
    const room = await scenario.openDm(person, bot, { encrypted: true });
    const { eventId } = await scenario.ask(person, room, bot, question("The boat is called Emma."));
    const keys = await keysOf(user, user.accessToken);
    expect(keys).toBeDefined();

    const accessToken = await renewToken(user);
    expect(accessToken).not.toBe(user.accessToken);
    await scenario.reconfigure(bot.accountId, (account) => {
      account.accessToken = accessToken;
      // A session begun anew: the agent has what the message says from the room alone.
      account.dm = { policy: "open", allowFrom: ["*"], sessionScope: "per-room" };
    });
    const asked = question("What is it called?");
    await person.reply(room, asked.text, eventId);
    expect((await scenario.answer(person, bot, asked)).encrypted).toBe(true);
    expect(await scenario.promptOf(asked)).toContain("The boat is called Emma.");
    expect(await keysOf(user, accessToken)).toEqual(keys);
    expect(await scenario.devicesOf(bot)).toEqual([user.deviceId]);
  });
});
