import { afterEach, describe, expect, it, vi } from "vitest";
import { list, pruneStale } from "../../../ts/cli/devices.ts";
import { inspect, repair } from "../../../ts/cli/direct.ts";
import { set } from "../../../ts/cli/profile.ts";
import { renew } from "../../../ts/cli/renew.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import type { OwnDevice } from "../../../ts/native/upkeep.ts";
import { alone, file } from "../support/commands.ts";
import { FakeAccount } from "../support/fake-account.ts";
import { LOGIN } from "../support/running.ts";

const ALICE = "@alice:example.org";

afterEach(() => vi.unstubAllEnvs());

function device(deviceId: string, displayName?: string, more: Partial<OwnDevice> = {}): OwnDevice {
  return { deviceId, displayName, lastSeenTs: 1_700_000_000_000, lastSeenIp: "10.0.0.9", current: false, ...more };
}

/** Ours, two that gateways left, and two of people. */
function crowded(): FakeAccount {
  const account = new FakeAccount();
  account.ownDevices.push(device("OLD1", "OpenClaw Gateway"), device("OLD2", "OpenClaw Debug"), device("PHONE", "Element X"), device("NAMELESS"));
  return account;
}

describe("devices", () => {
  it("[DEV-1] are listed with the one in use marked, and nothing missing in JSON", async () => {
    const outcome = await list(alone(crowded()).host, {});
    expect(outcome.json).toHaveLength(5);
    expect(outcome.json).toMatchObject([
      { deviceId: "BOTDEVICE", current: true, lastSeenIp: null, lastSeenTs: null },
      { deviceId: "OLD1", displayName: "OpenClaw Gateway", lastSeenIp: "10.0.0.9", lastSeenTs: 1_700_000_000_000, current: false },
      {},
      {},
      { deviceId: "NAMELESS", displayName: null },
    ]);
    expect(outcome.lines[1]).toMatch(/^BOTDEVICE +OpenClaw Gateway +\? +this account$/);
    expect(outcome.lines.join("\n")).not.toContain("10.0.0.9");
    expect((await list(alone(crowded()).host, { verbose: true })).lines.join("\n")).toContain("10.0.0.9");
  });

  it("[DEV-2] prune deletes what gateways left and nothing else, and says what is there", async () => {
    const outcome = await pruneStale(alone(crowded()).host, {});
    expect(outcome.exitCode).toBe(0);
    expect(outcome.json).toMatchObject({
      before: [{}, {}, {}, {}, {}],
      staleGatewayDeviceIds: ["OLD1", "OLD2"],
      currentDeviceId: "BOTDEVICE",
      deletedDeviceIds: ["OLD1", "OLD2"],
      remainingDevices: [{ deviceId: "BOTDEVICE" }, { deviceId: "PHONE" }, { deviceId: "NAMELESS" }],
    });
    expect(outcome.json).not.toHaveProperty("error");
    expect((await pruneStale(alone().host, {})).lines[0]).toContain("Nothing to delete");
  });

  it("[DEV-2] the configured password answers, and a missing one is asked for", async () => {
    const asked: (string | undefined)[] = [];
    const guarded = () => {
      const account = crowded();
      account.deleteError = (_ids, password) => {
        asked.push(password);
        return password === undefined ? new MatrixError("auth_failed", "the homeserver wants the account's password before it deletes devices; set `password`") : undefined;
      };
      return account;
    };
    const refused = await pruneStale(alone(guarded()).host, {});
    expect(refused).toMatchObject({ exitCode: 1, json: { deletedDeviceIds: [], code: "auth_failed", error: expect.stringMatching(/^Not deleted: OLD1, OLD2\..*--password-stdin/) } });
    const login = { homeserver: LOGIN.homeserver, userId: "@bot:example.org", password: "hunter2" };
    expect((await pruneStale(alone(guarded(), login).host, {})).exitCode).toBe(0);
    expect(asked).toEqual([undefined, "hunter2"]);
  });

  it("[DEV-2] one device that cannot be deleted does not keep the others", async () => {
    const account = crowded();
    account.deleteError = (ids) => (ids.includes("OLD1") ? new MatrixError("forbidden", "not that one") : undefined);
    const outcome = await pruneStale(alone(account).host, {});
    expect(outcome).toMatchObject({ exitCode: 1, json: { deletedDeviceIds: ["OLD2"], code: "forbidden", error: "Not deleted: OLD1. not that one." } });
    expect(outcome.lines.join("\n")).toContain("Deleted 1 of 2");
  });
});

describe("direct", () => {
  const LIVE = "!live:example.org";
  const SOLO = "!solo:example.org";

  it("[DRX-1] inspect shows the rooms m.direct names, those it could name, and what to do", async () => {
    const account = new FakeAccount();
    account.inspection = { mappedRooms: [{ roomId: SOLO, strict: false, joinedMembers: ["@bot:example.org"] }, { roomId: "!gone:x", strict: false }], discoveredStrictRoomIds: [LIVE], activeRoomId: LIVE };
    const outcome = await inspect(alone(account).host, { userId: ALICE });
    expect(outcome.json).toEqual({
      accountId: "default",
      remoteUserId: ALICE,
      selfUserId: "@bot:example.org",
      mappedRoomIds: [SOLO, "!gone:x"],
      mappedRooms: [
        { roomId: SOLO, source: "account-data", strict: false, joinedMembers: ["@bot:example.org"] },
        { roomId: "!gone:x", source: "account-data", strict: false, joinedMembers: null },
      ],
      discoveredStrictRoomIds: [LIVE],
      activeRoomId: LIVE,
    });
    expect(outcome.lines.join("\n")).toContain(`openclaw matrix direct repair --user-id ${ALICE}`);
    await expect(inspect(alone(account).host, {})).rejects.toThrow("--user-id");
  });

  it("[DRX-2] repair tells what m.direct was and is", async () => {
    const account = new FakeAccount();
    const mappedRooms = [{ roomId: LIVE, strict: true, joinedMembers: ["@bot:example.org", ALICE] }];
    const [contentBefore, contentAfter] = [{ [ALICE]: [SOLO] }, { [ALICE]: [LIVE, SOLO] }].map((content) => JSON.stringify(content)) as [string, string];
    account.inspection = { mappedRooms, activeRoomId: LIVE };
    account.repaired = { encrypted: true, contentBefore, contentAfter };
    const outcome = await repair(alone(account).host, { userId: ALICE });
    expect(outcome.json).toMatchObject({
      activeRoomId: LIVE,
      encrypted: true,
      createdRoomId: null,
      changed: true,
      directContentBefore: { [ALICE]: [SOLO] },
      directContentAfter: { [ALICE]: [LIVE, SOLO] },
    });
    expect(outcome.lines[0]).toContain(`m.direct begins with ${LIVE}`);
  });
});

describe("profile set", () => {
  it("[PRF-1] sets it there first, then in the account's configuration, the picture as it was uploaded", async () => {
    const account = new FakeAccount();
    account.profileOutcome = { avatarUpdated: true, resolvedAvatarUrl: "mxc://hs/new", convertedAvatar: true };
    const login = { defaultAccount: "ops", accounts: { ops: LOGIN, alerts: LOGIN } };
    const memory = file(structuredClone(login));
    const outcome = await set(alone(account, login).host, { name: " Ops ", avatarUrl: "https://example.org/a.png" }, [], memory);
    expect(account.wishes).toEqual([{ displayName: "Ops", avatarUrl: "https://example.org/a.png", refresh: true }]);
    expect(outcome.json).toEqual({
      accountId: "ops",
      displayName: "Ops",
      avatarUrl: "mxc://hs/new",
      profile: { displayNameUpdated: true, avatarUpdated: true, resolvedAvatarUrl: "mxc://hs/new", uploadedAvatarSource: "http", convertedAvatarFromHttp: true },
      configPath: "channels.matrix.accounts.ops",
    });
    expect(memory.now()).toMatchObject({ accounts: { ops: { name: "Ops", avatarUrl: "mxc://hs/new" }, alerts: LOGIN } });
  });

  it("[PRF-1] a refusal writes nothing, and something has to be given", async () => {
    const account = new FakeAccount();
    account.profileOutcome = new MatrixError("media_too_large", "too large");
    const memory = file({ ...LOGIN });
    await expect(set(alone(account).host, { avatarUrl: "https://example.org/a.png" }, [], memory)).rejects.toThrow("too large");
    await expect(set(alone(account).host, {}, [], memory)).rejects.toThrow("--name or --avatar-url");
    expect(memory.now()).toEqual(LOGIN);
  });
});

describe("devices renew", () => {
  it("[AUT-11] takes the token that is not used any more out of the configuration", async () => {
    const { host, native } = alone();
    native.renewed = { formerDevice: "ELEMENT", formerWasOwn: false };
    const memory = file({ ...LOGIN, deviceId: "ELEMENT", encryption: true });
    const outcome = await renew(host, {}, [], memory);
    expect(native.renewals).toEqual([{ password: undefined, force: false }]);
    expect(outcome.json).toMatchObject({ deviceId: "NEWDEVICE", formerDeviceId: "ELEMENT", formerDeviceOwn: false, accessTokenRetired: true, configPath: "channels.matrix", configChanged: true });
    expect(memory.now()).toEqual({ homeserver: LOGIN.homeserver, userId: "@bot:example.org", encryption: true });
    const text = outcome.lines.join("\n");
    expect(text).toMatch(/NEWDEVICE now, in place of ELEMENT/);
    expect(text).toContain("channels.matrix.accessToken and channels.matrix.deviceId taken out");
    expect(text).toContain("left as it is");
    expect(JSON.stringify(outcome)).not.toContain(LOGIN.accessToken);
  });

  it("[AUT-11] a token in the environment is named", async () => {
    const { host } = alone(undefined, { homeserver: LOGIN.homeserver });
    vi.stubEnv("MATRIX_ACCESS_TOKEN", LOGIN.accessToken);
    const memory = file({ homeserver: LOGIN.homeserver });
    const outcome = await renew(host, {}, [], memory);
    expect(outcome.lines.join("\n")).toMatch(/accessToken that stands outside channels\.matrix/);
    expect(memory.now()).toEqual({ homeserver: LOGIN.homeserver });
  });

  it("[AUT-11] the kept recovery key verifies the new device", async () => {
    const account = new FakeAccount();
    account.storedKey = "EsTj";
    const login = { homeserver: LOGIN.homeserver, userId: "@bot:example.org", password: "hunter2", encryption: true };
    const { host } = alone(account, login);
    const outcome = await renew(host, { yes: true }, [], file({ ...login }));
    expect(account.setups).toEqual([{ recover: "EsTj" }]);
    expect(account.closed).toBe(true);
    expect(outcome.json).toMatchObject({ verification: { attempted: true, success: true }, configChanged: false });
    expect(JSON.stringify(outcome)).not.toMatch(/hunter2|EsTj/);
  });

  it("[AUT-8] a refusal changes nothing, and an account that somebody has open says who", async () => {
    const memory = file({ ...LOGIN });
    const refused = alone();
    refused.native.renewed = new MatrixError("auth_failed", "the homeserver does not accept `password`");
    await expect(renew(refused.host, {}, [], memory)).rejects.toThrow("does not accept");
    const locked = alone();
    locked.native.renewed = new MatrixError("store_locked", "locked");
    locked.native.holder = { pid: 7, since: 0 };
    await expect(renew(locked.host, {}, [], memory)).rejects.toThrow(/held by process 7/);
    expect(memory.now()).toEqual(LOGIN);
  });
});
