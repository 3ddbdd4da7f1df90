import { describe, expect, it } from "vitest";
import { add } from "../../../ts/cli/account-add.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import { alone, file } from "../support/commands.ts";
import { FakeAccount } from "../support/fake-account.ts";
import { LOGIN } from "../support/running.ts";

const FLAGS = { homeserver: LOGIN.homeserver, userId: "@ops:example.org", password: "hunter2" };
const KEY = "EsTj 3yST y93F";

describe("account add", () => {
  it("[WIZ-11][WIZ-9] logs in as the configuration will say, writes it, and says how the account gets an agent", async () => {
    const account = new FakeAccount();
    account.profileOutcome = { resolvedAvatarUrl: "mxc://hs/a", convertedAvatar: true, avatarUpdated: true };
    const { host, native } = alone(account, {});
    const memory = file({});
    const outcome = await add(host, { ...FLAGS, name: "Ops Bot", avatarUrl: "https://example.org/a.png", deviceName: "Box", initialSyncLimit: "3", allowPrivateNetwork: true }, [], memory);
    expect(native.opened[0]).toMatchObject({ accountId: "ops-bot", auth: { type: "password", userId: FLAGS.userId, password: "hunter2" }, deviceName: "Box", encryption: false, network: { allowPrivateNetwork: true } });
    expect(account.closed).toBe(true);
    expect(memory.now()).toEqual({
      accounts: {
        "ops-bot": {
          enabled: true,
          ...FLAGS,
          name: "Ops Bot",
          avatarUrl: "mxc://hs/a",
          deviceName: "Box",
          initialSyncLimit: 3,
          network: { dangerouslyAllowPrivateNetwork: true },
        },
      },
    });
    expect(outcome.exitCode).toBe(0);
    expect(outcome.json).toMatchObject({
      accountId: "ops-bot",
      configPath: "channels.matrix.accounts.ops-bot",
      useEnv: false,
      encryptionEnabled: false,
      deviceHealth: { currentDeviceId: "BOTDEVICE", staleOpenClawDeviceIds: [] },
      verificationBootstrap: { attempted: false },
      profile: { attempted: true, displayNameUpdated: true, avatarUpdated: true, resolvedAvatarUrl: "mxc://hs/a", convertedAvatarFromHttp: true },
    });
    expect(outcome.lines.at(-1)).toContain("openclaw agents bind --agent <id> --bind matrix:ops-bot");
    expect(JSON.stringify(outcome)).not.toContain("hunter2");
  });

  it("[DEV-3] tells of devices that earlier gateways left", async () => {
    const account = new FakeAccount();
    account.ownDevices.push({ deviceId: "OLD", displayName: "OpenClaw Gateway", current: false }, { deviceId: "PHONE", displayName: "Element", current: false });
    const outcome = await add(alone(account, {}).host, FLAGS, [], file({}));
    expect(outcome.json).toMatchObject({ accountId: "default", configPath: "channels.matrix", deviceHealth: { staleOpenClawDeviceIds: ["OLD"] } });
    expect(outcome.lines.join("\n")).toMatch(/OLD\. Delete them with `openclaw matrix devices prune-stale/);
  });

  it("[WIZ-11] --enable-e2ee sets encryption up and shows the new recovery key once, to people", async () => {
    const account = new FakeAccount();
    account.bootstrapped = { recoveryKeyCreated: true };
    account.storedKey = KEY;
    account.encryption = { recoveryKeyCreatedAt: 0, backupVersion: "1" };
    const memory = file({});
    const outcome = await add(alone(account, {}).host, { ...FLAGS, enableE2ee: true }, [], memory);
    expect(outcome.json).toMatchObject({ encryptionEnabled: true, verificationBootstrap: { attempted: true, success: true, recoveryKeyCreatedAt: "1970-01-01T00:00:00.000Z", backupVersion: "1" } });
    expect(memory.now()).toMatchObject({ encryption: true });
    expect(outcome.lines.join("\n")).toContain(KEY);
    expect(JSON.stringify(outcome.json)).not.toContain(KEY);
  });

  it("[WIZ-10] the account of the top level gets an entry of its own when a second one comes", async () => {
    const memory = file({ ...LOGIN, dm: { policy: "open", allowFrom: ["*"] } });
    await add(alone(new FakeAccount(), { ...LOGIN }).host, { ...FLAGS, account: "ops" }, [], memory);
    expect(memory.now()).toMatchObject({ dm: { policy: "open" }, accounts: { default: LOGIN, ops: FLAGS } });
    expect(memory.now()).not.toHaveProperty("accessToken");
  });

  it("[WIZ-11] a login that does not work writes nothing", async () => {
    const { host, native } = alone(undefined, {});
    const memory = file({});
    native.open = () => {
      throw new MatrixError("auth_failed", "the homeserver does not accept `password`");
    };
    await expect(add(host, FLAGS, [], memory)).rejects.toThrow(/^The account was not added\. the homeserver does not accept/);
    native.open = () => {
      throw new MatrixError("device_in_use", "another client encrypts with it");
    };
    await expect(add(host, { ...FLAGS, password: undefined, accessToken: "syt_x", encryption: true }, [], memory)).rejects.toThrow(/--user-id and --password-stdin/);
    await expect(add(host, { ...FLAGS, accessToken: "syt_x" }, [], memory)).rejects.toThrow("either --access-token or --password");
    await expect(add(host, { ...FLAGS, homeserver: "http://10.0.0.1" }, [], memory)).rejects.toThrow("add --allow-private-network if that is meant");
    await expect(add(host, { ...FLAGS, initialSyncLimit: "-1" }, [], memory)).rejects.toThrow("--initial-sync-limit");
    expect(memory.now()).toEqual({});
  });

  it("[WIZ-11] a homeserver that is down does not hinder it; what was not done is said", async () => {
    const { host, native } = alone(undefined, {});
    native.open = () => {
      throw new MatrixError("network", "cannot reach example.org");
    };
    const memory = file({});
    const outcome = await add(host, { ...FLAGS, encryption: true }, [], memory);
    expect(outcome).toMatchObject({ exitCode: 1, json: { deviceHealth: { currentDeviceId: null, error: "cannot reach example.org" }, verificationBootstrap: { attempted: false, error: expect.stringContaining("encryption setup") } } });
    expect(memory.now()).toMatchObject(FLAGS);
  });
});
