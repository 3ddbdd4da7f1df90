import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Credentials, request } from "../homeserver/users.ts";
import { FaultProxy } from "../support/fault-proxy/index.ts";
import { until } from "../support/process.ts";
import { type Bot, question, Scenario } from "./scenario.ts";

interface Device {
  deviceId: string;
  displayName: string | null;
  current: boolean;
}

interface Prune {
  before: Device[];
  staleGatewayDeviceIds: string[];
  currentDeviceId: string;
  deletedDeviceIds: string[];
  remainingDevices: Device[];
}

interface Direct {
  mappedRoomIds: string[];
  mappedRooms: { roomId: string; strict: boolean; joinedMembers: string[] | null }[];
  activeRoomId: string | null;
  changed?: boolean;
  createdRoomId?: string | null;
  directContentAfter?: Record<string, string[]>;
}

interface Renewed {
  deviceId: string;
  formerDeviceId: string | null;
  formerDeviceOwn: boolean;
  configChanged: boolean;
  verification: { attempted: boolean; success: boolean };
}

/** Closing, a login, a first sync. */
const RENEWAL_MS = 240_000;

describe("devices, direct messages and the profile", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  let proxy: FaultProxy;
  let pictures: Server;
  beforeAll(async () => {
    proxy = await FaultProxy.start(rig.homeserver.baseUrl);
    pictures = createServer((_request, response) => response.writeHead(200, { "content-type": "image/png" }).end(Buffer.alloc(64, 7)));
    await new Promise<void>((resolve) => pictures.listen(0, "127.0.0.1", resolve));
  });
  afterAll(async () => {
    await scenario.end();
    await proxy.stop();
    pictures.close();
  });

  const matrix = <T>(accountId: string, words: string[], options: { input?: string; code?: number } = {}): Promise<T> => scenario.matrix<T>({ accountId }, words, options);

  /** The same by the host's command line itself. */
  async function typed<T>(accountId: string, words: string[], options: { input?: string } = {}): Promise<T> {
    const { code, stdout, stderr } = await rig.home.cli(["matrix", ...words, "--account", accountId, "--json"], options);
    expect(code, `openclaw matrix ${words.join(" ")}\n${stdout}\n${stderr}`).toBe(0);
    return JSON.parse(stdout) as T;
  }

  const written = (accountId: string) => ((rig.home.readConfig().channels?.matrix?.accounts ?? {}) as Record<string, Record<string, unknown>>)[accountId] ?? {};

  const profileOf = (user: { userId: string }) =>
    request<{ displayname?: string; avatar_url?: string }>(rig.homeserver.baseUrl, "GET", `v3/profile/${encodeURIComponent(user.userId)}`);

  it("[DEV-1][DEV-2][AUT-3][ACC-5] devices are listed under their names, stale ones deleted, and the account goes on", { timeout: 300_000 }, async () => {
    const person = await scenario.person("matrix-nio");
    const bot = await scenario.reserve("tidy");
    const stale = await rig.homeserver.login(bot.userId, bot.password, "OpenClaw Gateway");
    const phone = await rig.homeserver.login(bot.userId, bot.password, "Phone");
    scenario.configure(bot.accountId, scenario.settings({ homeserver: proxy.url, userId: bot.userId, password: bot.password, deviceName: "OpenClaw Kitchen" }));
    const room = await scenario.openDm(person, bot, { encrypted: true });

    const devices = await matrix<Device[]>(bot.accountId, ["devices", "list"]);
    expect(devices.map(({ displayName, current }) => ({ displayName, current }))).toEqual([
      { displayName: "OpenClaw Kitchen", current: true },
      ...devices.slice(1).map(({ displayName }) => ({ displayName, current: false })),
    ]);
    expect(devices.slice(1).map(({ deviceId }) => deviceId).sort()).toEqual([stale.deviceId, phone.deviceId].sort());

    // Behind an authorization server devices are deleted on its own pages alone.
    const missing = { kind: "answer", status: 404, body: JSON.stringify({ errcode: "M_UNRECOGNIZED", error: "Unrecognized request" }) } as const;
    const metadata = { account_management_uri: "https://account.example.org/", account_management_actions_supported: ["org.matrix.devices_list"] };
    const rules = [
      proxy.spoil({ path: /^delete_devices$/, userId: bot.userId, fault: missing }),
      proxy.spoil({ path: /auth_metadata$/, fault: { kind: "answer", status: 200, body: JSON.stringify(metadata) } }),
    ];
    const left = await matrix<Prune & { error: string; code: string }>(bot.accountId, ["devices", "prune-stale"], { code: 1 });
    expect(left).toMatchObject({ deletedDeviceIds: [], code: "approval_required" });
    expect(left.error).toMatch(/https:\/\/account\.example\.org\/\?action=org\.matrix\.devices_list/);
    for (const rule of rules) rule.lift();

    const pruned = await typed<Prune>(bot.accountId, ["devices", "prune-stale"]);
    const own = devices[0]?.deviceId as string;
    expect(pruned).toMatchObject({ staleGatewayDeviceIds: [stale.deviceId], currentDeviceId: own, deletedDeviceIds: [stale.deviceId] });
    expect(pruned.before).toHaveLength(3);
    expect(pruned.remainingDevices.map(({ deviceId }) => deviceId).sort()).toEqual([own, phone.deviceId].sort());
    expect(await scenario.devicesOf(bot)).toEqual([own, phone.deviceId].sort());
    await scenario.ask(person, room, bot);
  });

  it("[DRX-1][DRX-2] a solo room at the head of m.direct is repaired, and the next message goes where the person is", { timeout: 300_000 }, async () => {
    const person = await scenario.person("matrix-nio");
    const bot = await scenario.addBot("mapped");
    const room = await scenario.openDm(person, bot, { encrypted: true });
    await scenario.ask(person, room, bot);
    const token = (await rig.homeserver.login(bot.userId, bot.password, "forger")).accessToken;
    const asBot = <T>(method: "GET" | "POST" | "PUT", path: string, body?: unknown) => request<T>(rig.homeserver.baseUrl, method, path, { token, body });
    const { room_id: solo } = await asBot<{ room_id: string }>("POST", "v3/createRoom", {});
    const directs = `v3/user/${encodeURIComponent(bot.userId)}/account_data/m.direct`;
    await asBot("PUT", directs, { [person.userId]: [solo, room], "@other:example.org": ["!other:example.org"] });

    const seen = await matrix<Direct>(bot.accountId, ["direct", "inspect", "--user-id", person.userId]);
    expect(seen).toMatchObject({
      mappedRoomIds: [solo, room],
      mappedRooms: [
        { roomId: solo, strict: false, joinedMembers: [bot.userId] },
        { roomId: room, strict: true },
      ],
      activeRoomId: room,
    });
    const repaired = await typed<Direct>(bot.accountId, ["direct", "repair", "--user-id", person.userId]);
    const expected = { [person.userId]: [room, solo], "@other:example.org": ["!other:example.org"] };
    expect(repaired).toMatchObject({ activeRoomId: room, changed: true, createdRoomId: null, encrypted: true, directContentAfter: expected });
    expect(await asBot("GET", directs)).toEqual(expected);
    expect((await asBot<{ joined_rooms: string[] }>("GET", "v3/joined_rooms")).joined_rooms).toContain(solo);

    const sent = question();
    await rig.home.run(["message", "send", "--channel", "matrix", "--account", bot.accountId, "--target", person.userId, "--message", sent.marker]);
    const arrived = await person.waitForMessage(bot.userId, sent.marker);
    expect(arrived).toMatchObject({ roomId: room, encrypted: true });
  });

  it("[PRF-1][PRF-2] the profile follows the configuration, and is written only when it differs", { timeout: 300_000 }, async () => {
    const bot = await scenario.reserve("named");
    const puts = () => proxy.count({ method: "PUT", path: /^profile\// });
    scenario.configure(bot.accountId, scenario.settings({ homeserver: proxy.url, userId: bot.userId, password: bot.password, name: "Botty" }));
    await until("the name", 120_000, async () => (await profileOf(bot)).displayname === "Botty", 300);
    await until("the first write", 10_000, () => puts() === 1);

    // Restarts change nothing, and ask first.
    const asked = () => proxy.count({ method: "GET", path: /^profile\// });
    const before = asked();
    await scenario.reconfigure(bot.accountId, (account) => void (account.historyLimit = 7));
    await until("a look at the profile", 60_000, () => asked() > before, 100);
    expect(puts()).toBe(1);

    await scenario.reconfigure(bot.accountId, (account) => void (account.name = "Botty II"));
    await until("the new name", 60_000, async () => (await profileOf(bot)).displayname === "Botty II", 300);
    await until("the second write", 10_000, () => puts() === 2);

    const picture = `http://127.0.0.1:${(pictures.address() as AddressInfo).port}/face.png`;
    const log = (await rig.gateway.log()).length;
    const looked = asked();
    const set = await typed<{ avatarUrl: string; displayName: string; configPath: string; profile: Record<string, unknown> }>(bot.accountId, [
      "profile",
      "set",
      "--name",
      "Botty III",
      "--avatar-url",
      picture,
    ]);
    expect(set).toMatchObject({
      displayName: "Botty III",
      avatarUrl: expect.stringMatching(/^mxc:\/\//),
      configPath: `channels.matrix.accounts.${bot.accountId}`,
      profile: { displayNameUpdated: true, avatarUpdated: true, uploadedAvatarSource: "http", convertedAvatarFromHttp: true, resolvedAvatarUrl: set.avatarUrl },
    });
    expect(await profileOf(bot)).toMatchObject({ displayname: "Botty III", avatar_url: set.avatarUrl });
    expect(written(bot.accountId)).toMatchObject({ name: "Botty III", avatarUrl: set.avatarUrl });
    // The configuration it wrote starts the account again, which finds everything as it should be.
    await rig.gateway.waitForLog(new RegExp(`\\[${bot.accountId}\\] @\\S+ on `), { after: log });
    await until("a look by the command and one at the start", 60_000, () => asked() >= looked + 2, 100);
    expect(puts()).toBe(4);
  });

  it("[WIZ-11][DEV-3] `account add` with flags: an encrypted DM is answered by a verified device", { timeout: 300_000 }, async () => {
    const person = await scenario.person("matrix-js-sdk");
    const bot = await scenario.reserve("added");
    const stale = await rig.homeserver.login(bot.userId, bot.password, "OpenClaw Gateway");
    scenario.adopt(bot.accountId);
    const words = ["account", "add", "--homeserver", rig.homeserver.baseUrl, "--allow-private-network", "--user-id", bot.userId, "--password-stdin", "--name", "Added", "--enable-e2ee"];
    const added = await typed<Record<string, Record<string, unknown>>>(bot.accountId, words, { input: `${bot.password}\n` });
    expect(added).toMatchObject({
      accountId: bot.accountId,
      configPath: `channels.matrix.accounts.${bot.accountId}`,
      useEnv: false,
      encryptionEnabled: true,
      deviceHealth: { staleOpenClawDeviceIds: [stale.deviceId] },
      verificationBootstrap: { attempted: true, success: true, backupVersion: expect.any(String), recoveryKeyCreatedAt: expect.any(String) },
      profile: { attempted: true, displayNameUpdated: true },
    });
    expect(JSON.stringify(added)).not.toContain(bot.password);
    expect((await profileOf(bot)).displayname).toBe("Added");
    const own = added.deviceHealth?.currentDeviceId as string;
    expect(await scenario.devicesOf(bot)).toEqual([own, stale.deviceId].sort());
    const { signatures } = await identityOf(bot, own);
    expect(signatures, "keys that signed the device").toBe(2);

    await rig.gateway.waitForLog(new RegExp(`\\[${bot.accountId}\\] @\\S+ on `));
    await scenario.reconfigure(bot.accountId, (account) => Object.assign(account, { dm: { policy: "open", allowFrom: ["*"] }, autoJoin: "always" }));
    const room = await scenario.openDm(person, bot, { encrypted: true });
    await scenario.ask(person, room, bot);
    expect(await scenario.devicesOf(bot)).toEqual([own, stale.deviceId].sort());
  });

  /** How often the device is signed: by itself, and by the account's identity. */
  async function identityOf(bot: Bot, deviceId: string): Promise<{ signatures: number }> {
    const look = await rig.homeserver.login(bot.userId, bot.password, "look");
    const answer = await request<{ device_keys: Record<string, Record<string, { signatures: Record<string, object> }>> }>(rig.homeserver.baseUrl, "POST", "v3/keys/query", {
      token: look.accessToken,
      body: { device_keys: { [bot.userId]: [deviceId] } },
    });
    await logOut(look);
    return { signatures: Object.keys(answer.device_keys[bot.userId]?.[deviceId]?.signatures[bot.userId] ?? {}).length };
  }

  const logOut = (device: Credentials) => request(device.homeserver, "POST", "v3/logout", { token: device.accessToken, body: {} });

  it("[AUT-11] an account with Element's token gets a device of its own by the command that its status names", { timeout: 400_000 }, async () => {
    const credentials = await rig.homeserver.register("owner", "Element");
    const owner = await scenario.person("matrix-js-sdk", "owner", credentials);
    const friend = await scenario.person("matrix-nio", "friend");
    const secret = await friend.createDm(owner.userId, { encrypted: true });
    await owner.join(secret);
    await friend.waitForMember(secret, owner.userId);
    const bot: Bot = { accountId: "elements", userId: credentials.userId, password: credentials.password };
    const log = (await rig.gateway.log()).length;
    scenario.configure(bot.accountId, scenario.settings({ accessToken: credentials.accessToken }));
    const line = await rig.gateway.waitForLog(/.*device_in_use.*/, { after: log });
    expect(line).toContain("openclaw matrix devices renew --account elements --password-stdin");

    const renewed = await matrix<Renewed>(bot.accountId, ["devices", "renew", "--password-stdin"], { input: `${bot.password}\n` });
    expect(renewed).toMatchObject({ formerDeviceId: credentials.deviceId, formerDeviceOwn: false, configChanged: true, verification: { attempted: false } });
    expect(renewed.deviceId).not.toBe(credentials.deviceId);
    expect(written(bot.accountId)).toMatchObject({ userId: bot.userId });
    expect(written(bot.accountId)).not.toHaveProperty("accessToken");
    expect(JSON.stringify(written(bot.accountId))).not.toContain(bot.password);

    const other = await scenario.person("matrix-nio", "other");
    const room = await scenario.openDm(other, bot, { encrypted: true });
    await scenario.ask(other, room, bot);
    // Element is still there, and reads what is written to it.
    await friend.send(secret, "still yours?");
    expect((await owner.waitForMessage(friend.userId, "still yours?")).encrypted).toBe(true);
    expect(owner.undecryptable).toEqual([]);
    expect(await scenario.devicesOf(bot)).toEqual([credentials.deviceId, renewed.deviceId].sort());
  });

  it("[AUT-8][VER-11] a device that was deleted is seen, explained with the command, and replaced by it", { timeout: 400_000 }, async () => {
    const person = await scenario.person("matrix-nio");
    const bot = await scenario.addBot("deleted");
    const room = await scenario.openDm(person, bot, { encrypted: true });
    await scenario.ask(person, room, bot);
    const [former] = await scenario.devicesOf(bot);
    const look = await rig.homeserver.login(bot.userId, bot.password, "look");
    const log = (await rig.gateway.log()).length;
    const auth = { type: "m.login.password", identifier: { type: "m.id.user", user: bot.userId }, password: bot.password };
    await request(rig.homeserver.baseUrl, "POST", "v3/delete_devices", { token: look.accessToken, body: { devices: [former], auth } });
    await logOut(look);
    const line = await rig.gateway.waitForLog(new RegExp(`.*\\[${bot.accountId}\\] stopped receiving.*`), { after: log });
    expect(line).toContain(`openclaw matrix devices renew --account ${bot.accountId}`);

    const asked = question("Sent while the device was gone.");
    await person.send(room, "Nobody can read this.");
    const status = await matrix<{ serverDeviceKnown: boolean }>(bot.accountId, ["verify", "status"], { code: 1 });
    expect(status.serverDeviceKnown).toBe(false);
    const { code, stdout } = await scenario.command(bot, ["verify", "status"]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/does not know this device any more[^]*openclaw matrix devices renew/);

    const renewed = await matrix<Renewed>(bot.accountId, ["devices", "renew"]);
    expect(renewed).toMatchObject({ formerDeviceId: former, formerDeviceOwn: true, configChanged: false });
    expect(await scenario.devicesOf(bot)).toEqual([renewed.deviceId]);
    await person.waitForMember(room, bot.userId);
    await until("the person's client to know the new device", RENEWAL_MS, async () => {
      const { device_keys: keys } = await person.request<{ device_keys: Record<string, Record<string, object>> }>("POST", "v3/keys/query", { device_keys: { [bot.userId]: [] } });
      return renewed.deviceId in (keys[bot.userId] ?? {});
    }, 500);
    await scenario.ask(person, room, bot, asked);
  });
});
