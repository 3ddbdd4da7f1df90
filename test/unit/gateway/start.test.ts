import { afterEach, describe, expect, it } from "vitest";
import { oncePerTurn, runningAccount, startOf } from "../../../ts/gateway/registry.ts";
import { MatrixError, type MatrixErrorCode } from "../../../ts/native/errors.ts";
import { emptyHealth, FakeAccount } from "../support/fake-account.ts";
import { FakeHost } from "../support/fake-host.ts";
import { DM, FakeNative, furnish, LOGIN, run, type Running, type RunOptions } from "../support/running.ts";

const started: Running[] = [];

function start(options: RunOptions = {}): Running {
  const running = run({ ...options, matrix: { dm: { policy: "open", allowFrom: ["*"] }, ...options.matrix } });
  started.push(running);
  return running;
}

afterEach(async () => {
  for (const running of started.splice(0)) await running.stop();
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** A native whose first opens fail. */
function failing(code: MatrixErrorCode, message: string, times = Number.POSITIVE_INFINITY): { native: FakeNative; account: FakeAccount } {
  const account = furnish(new FakeAccount());
  let left = times;
  const native = new FakeNative(() => {
    if (left-- > 0) throw new MatrixError(code, message);
    return account;
  });
  return { native, account };
}

describe("a start", () => {
  it("[STA-2] goes from starting to ready, and to stopped when the host ends it", async () => {
    const on = start();
    await until(() => on.status().lifecycle === "ready");
    expect(on.statuses[1]).toMatchObject({ lifecycle: "starting", running: true });
    expect(on.status()).toMatchObject({ running: true, connected: true, lastError: null });
    expect(runningAccount("default")?.account).toBe(on.account);
    await on.stop();
    expect(on.account.closed).toBe(true);
    expect(on.status()).toMatchObject({ running: false, connected: false, lifecycle: "stopped" });
    expect(runningAccount("default")).toBeUndefined();
  });

  it("[AUT-1] opens with what the configuration says, and puts no secret into log or status", async () => {
    const on = start({ matrix: { encryption: true, allowPrivateNetwork: true } });
    await until(() => on.status().lifecycle === "ready");
    expect(on.native.opened[0]).toMatchObject({
      accountId: "default",
      homeserver: LOGIN.homeserver,
      auth: { type: "accessToken", accessToken: LOGIN.accessToken },
      encryption: true,
      network: { allowPrivateNetwork: true },
    });
    expect(JSON.stringify(on.statuses) + on.log.join("\n")).not.toContain(LOGIN.accessToken);
  });

  const blocked: [string, MatrixErrorCode, string, RegExp][] = [
    ["AUT-8", "auth_failed", "the homeserver refused the access token", /channels\.matrix\.accessToken/],
    ["AUT-11", "device_in_use", "the token's device already encrypts", /openclaw matrix devices renew --account default --password-stdin/],
    ["ACC-9", "account_mismatch", "the folder belongs to @other:example.org", /channels\.matrix\.userId/],
    ["NET-1", "address_blocked", "10.0.0.1 is a private address", /channels\.matrix\.network\.dangerouslyAllowPrivateNetwork/],
    ["INS-6", "config_invalid", "The Matrix plugin has no native build for this machine (linux-riscv64)", /linux-riscv64/],
    ["ENC-4", "store_corrupt", "crypto.sqlite3 cannot be read", /channels\.matrix\.password/],
    ["ENC-4", "store_newer", "inbox.sqlite3 was written by a newer version; update the plugin", /update the plugin/],
  ];
  for (const [id, code, message, way] of blocked) {
    it(`[${id}] ${code} blocks the account with a sentence that names the way out, and waits`, async () => {
      const { native } = failing(code, message);
      const on = start({ native });
      await until(() => on.status().lifecycle === "blocked");
      expect(on.status().lastError).toContain(message);
      expect(on.status().lastError).toMatch(way);
      expect(on.log.join("\n")).toContain(code);
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(native.opened).toHaveLength(1);
    });
  }

  it("[STA-1] a configuration without a login is blocked before anything is loaded", async () => {
    const host = new FakeHost({ homeserver: "https://example.org" });
    const on = start({ host });
    await until(() => on.status().lifecycle === "blocked");
    expect(on.status().lastError).toContain("channels.matrix");
    expect(on.native.opened).toHaveLength(0);
  });

  for (const code of ["network", "timeout", "rate_limited", "account_restricted", "storage_failed"] as const) {
    it(`[AUT-7] ${code} at the start is waited out`, async () => {
      const { native, account } = failing(code, "the homeserver does not answer", 3);
      const on = start({ native, account });
      await until(() => on.status().lifecycle === "ready");
      expect(native.opened).toHaveLength(4);
      expect(on.statuses.some((one) => one.lifecycle === "recovering" && one.reconnectAttempts === 3)).toBe(true);
      expect(on.statuses.some((one) => one.lifecycle === "blocked")).toBe(false);
    });
  }

  it("[ENC-13] a held lock is blocked after a while, and the account starts when it is free", async () => {
    const { native, account } = failing("store_locked", "process 4711 holds the account", 4);
    const on = start({ native, account });
    await until(() => on.status().lifecycle === "ready");
    expect(on.statuses.some((one) => one.lifecycle === "blocked" && one.lastError?.includes("4711"))).toBe(true);
  });

  it("[ACC-11] two entries with one token: the second is blocked before it is opened, both named, and the first goes on", async () => {
    const matrix = { ...LOGIN, accounts: { one: LOGIN, two: LOGIN } };
    const first = start({ host: new FakeHost(matrix), accountId: "one" });
    await until(() => first.status().lifecycle === "ready");
    const second = start({ host: new FakeHost(matrix), accountId: "two", account: new FakeAccount() });
    await until(() => second.status().lifecycle === "blocked");
    expect(second.status().lastError).toMatch(/"one" and "two"/);
    expect(second.native.opened).toEqual([]);
    expect(first.status().lifecycle).toBe("ready");
  });

  it("[ACC-11] two entries that turn out to be one device: the second is closed again and blocked", async () => {
    const matrix = { accounts: { one: LOGIN, two: { ...LOGIN, accessToken: "another_of_the_same_device" } } };
    const first = start({ host: new FakeHost(matrix), accountId: "one" });
    await until(() => first.status().lifecycle === "ready");
    const second = start({ host: new FakeHost(matrix), accountId: "two", account: new FakeAccount() });
    await until(() => second.status().lifecycle === "blocked");
    expect(second.status().lastError).toMatch(/"one" and "two"/);
    expect(second.account.closed).toBe(true);
  });

  it("[ACC-11] a login is free again when its account stops", async () => {
    const matrix = { accounts: { one: LOGIN, two: LOGIN } };
    const first = start({ host: new FakeHost(matrix), accountId: "one" });
    await until(() => first.status().lifecycle === "ready");
    await first.stop();
    const second = start({ host: new FakeHost(matrix), accountId: "two" });
    await until(() => second.status().lifecycle === "ready");
  });

  it("[AUT-8] a session that ends while it runs is blocked, with the sentence", async () => {
    const on = start();
    await until(() => on.status().lifecycle === "ready");
    on.account.setHealth({ sync: { state: "blocked", consecutiveFailures: 1, error: { code: "auth_expired", message: "the homeserver ended the session" } } });
    await until(() => on.status().lifecycle === "blocked");
    expect(on.status().lastError).toContain("openclaw matrix devices renew --account default --password-stdin");
  });

  it("[AUT-11] work on its folder is done while it is closed, blocked or not, and it runs again afterwards", async () => {
    let blocked = true;
    const accounts: FakeAccount[] = [];
    const native = new FakeNative(() => {
      if (blocked) throw new MatrixError("device_in_use", "another client's");
      accounts.push(new FakeAccount());
      return accounts.at(-1) as FakeAccount;
    });
    const on = start({ native });
    await until(() => on.status().lifecycle === "blocked");
    const renewed = await startOf("default")?.whileClosed(async ({ accountId }) => {
      blocked = false;
      return accountId;
    });
    expect(renewed).toBe("default");
    await until(() => on.status().lifecycle === "ready");
    expect(accounts).toHaveLength(1);
    const closed = startOf("default")?.whileClosed(async () => accounts[0]?.closed);
    expect(await closed).toBe(true);
    await until(() => accounts.length === 2);
    await expect(startOf("default")?.whileClosed(() => Promise.reject(new Error("refused")))).rejects.toThrow("refused");
    await until(() => accounts.length === 3 && on.status().lifecycle === "ready");
    await on.stop();
    expect(startOf("default")).toBeUndefined();
  });

  it("[PRF-2] tells the account the configured name and picture, and says what could not be done", async () => {
    const account = furnish(new FakeAccount());
    account.profileOutcome = { displayNameUpdated: true, avatarUpdated: false };
    const on = start({ account, matrix: { name: "Botty", avatarUrl: "mxc://hs/a" } });
    await until(() => account.wishes.length === 1);
    expect(account.wishes).toEqual([{ displayName: "Botty", avatarUrl: "mxc://hs/a", refresh: false }]);
    await until(() => on.log.some((line) => line.includes("the profile's name changed, as channels.matrix says")));
    const other = furnish(new FakeAccount());
    other.profileOutcome = new MatrixError("media_too_large", "the avatar is larger than 8 MiB");
    await on.stop();
    const second = start({ account: other, matrix: { avatarUrl: "https://example.org/a.png" } });
    await until(() => second.log.some((line) => line.startsWith("warn") && line.includes("larger than 8 MiB")));
    expect(second.status().lifecycle).toBe("ready");
  });

  it("[STA-2] a homeserver that stops answering is recovering, with the reason, and ready again after it", async () => {
    const on = start();
    await until(() => on.status().lifecycle === "ready");
    on.account.setHealth({ sync: { state: "retrying", consecutiveFailures: 2, error: { code: "network", message: "connection refused" } } });
    await until(() => on.status().lifecycle === "recovering");
    expect(on.status()).toMatchObject({ connected: false, reconnectAttempts: 2 });
    expect(on.status().lastError).toContain("connection refused");
    on.account.setHealth({ sync: { state: "running", consecutiveFailures: 0, lastSuccessAt: 5 } });
    await until(() => on.status().lifecycle === "ready");
    expect(on.status()).toMatchObject({ connected: true, lastError: null, lastTransportActivityAt: 5 });
  });

  it("[ENC-6] messages that cannot be read are said when it begins and when it is over", async () => {
    const on = start();
    await until(() => on.status().lifecycle === "ready");
    for (const waiting of [2, 3, 0]) {
      on.account.setHealth({ undecryptable: { waiting, causes: [], sustained: false } });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(on.log.filter((line) => line.includes("cannot be read yet"))).toHaveLength(1);
    expect(on.log.filter((line) => line.includes("could be read in the end"))).toHaveLength(1);
  });

  it("[ENC-6][STA-2] what is lost, or will be, makes the status degraded while receiving works, and its end healthy", async () => {
    const on = start();
    await until(() => on.status().lifecycle === "ready");
    const sync = { state: "running" as const, consecutiveFailures: 0 };
    const troubles = [
      { undecryptable: { waiting: 3, causes: [{ cause: "missing-session", count: 3 }], sustained: true } },
      { duplicateOneTimeKeys: true },
      { notices: [{ kind: "inbox", at: 1, message: "the inbox was damaged" }] },
    ];
    for (const trouble of troubles) {
      on.account.setHealth({ ...emptyHealth(), sync, ...trouble });
      await until(() => on.status().healthState === "degraded");
      expect(on.status()).toMatchObject({ lifecycle: "ready", connected: true });
      on.account.setHealth({ ...emptyHealth(), sync });
      await until(() => on.status().healthState === undefined);
    }
  });

  it("[STA-2] a store that breaks while it is in use: the account is opened again, which repairs it", async () => {
    const opened: FakeAccount[] = [];
    const native = new FakeNative(() => furnish(new FakeAccount()));
    native.open = () => {
      const account = furnish(new FakeAccount());
      opened.push(account);
      return account;
    };
    const on = start({ native });
    await until(() => on.status().lifecycle === "ready");
    opened[0]?.setHealth({ sync: { state: "blocked", consecutiveFailures: 0, error: { code: "store_corrupt", message: "the inbox file is damaged" } } });
    await until(() => opened.length === 2 && on.status().lifecycle === "ready");
    expect(opened[0]?.closed).toBe(true);
    expect(on.statuses.some((one) => one.lifecycle === "recovering" && one.lastError?.includes("damaged"))).toBe(true);
    expect(on.statuses.some((one) => one.lifecycle === "blocked")).toBe(false);
  });

  it("[STA-2] an account whose inbox ends by itself is opened again", async () => {
    const native = new FakeNative(() => furnish(new FakeAccount()));
    const opened: FakeAccount[] = [];
    native.open = () => {
      const account = furnish(new FakeAccount());
      opened.push(account);
      return account;
    };
    const on = start({ native });
    await until(() => on.status().lifecycle === "ready");
    await opened[0]?.close();
    await until(() => opened.length === 2 && on.status().lifecycle === "ready");
    expect(runningAccount("default")?.account).toBe(opened[1]);
  });
});

describe("a restart while the agent works", () => {
  it("[INS-10] does not run the turn twice, and the answer goes out through the new start", async () => {
    const first = start();
    let finish: () => void = () => undefined;
    const working = new Promise<void>((resolve) => (finish = resolve));
    first.host.script = async (_turn, { deliver }) => {
      await working;
      await deliver({ text: "done" });
    };
    const event = first.account.say("hello", { roomId: DM, eventId: "$restarted" });
    await first.account.until(() => first.account.stateOf(event) === "adopted");
    await first.stop();

    // The next start finds the row unsettled and hands it out again.
    const account = furnish(new FakeAccount());
    const second = start({ host: first.host, account });
    await until(() => second.status().lifecycle === "ready");
    const again = account.say("hello", { roomId: DM, eventId: "$restarted" });
    await account.until(() => account.stateOf(again) === "leased");
    finish();
    await account.until(() => account.stateOf(again) === "settled");
    expect(first.host.turns).toHaveLength(1);
    expect(account.texts()).toEqual(["done"]);
  });

  it("[INS-10] a turn that fails is free to run again", async () => {
    await expect(oncePerTurn("k", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    let ran = false;
    await oncePerTurn("k", async () => {
      ran = true;
    });
    expect(ran).toBe(true);
  });
});
