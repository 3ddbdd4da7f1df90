import { describe, expect, it } from "vitest";
import { resolveMatrixAccount } from "../../../ts/config/accounts.ts";
import { recoverUnattended } from "../../../ts/gateway/recovery.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import { FakeAccount } from "../support/fake-account.ts";
import { LOGIN } from "../support/running.ts";

const KEY = "EsTj 3yST y93F SLpB jJsz eAXc 2XzA ygD3 w69H fGaN TKBj jXEd";

async function run(account: FakeAccount, login: Record<string, unknown> = {}, during?: (stop: AbortController) => void) {
  const lines: string[] = [];
  const problems: (string | undefined)[] = [];
  const stop = new AbortController();
  const write = (line: string) => void lines.push(line);
  const running = recoverUnattended({
    account,
    resolved: resolveMatrixAccount({ channels: { matrix: { ...LOGIN, encryption: true, recoveryKey: KEY, ...login } } }),
    path: "channels.matrix",
    log: { info: write, warn: write, error: write },
    delay: () => 1,
    signal: stop.signal,
    tell: (problem) => void problems.push(problem),
  });
  during?.(stop);
  await running;
  return { log: lines.join("\n"), problems, tried: account.setups };
}

describe("the configured recovery key", () => {
  it("[VER-3] verifies a device that is not verified, and says so once", async () => {
    const { log, problems, tried } = await run(new FakeAccount());
    expect(tried).toEqual([{ recover: KEY }]);
    expect(log).toMatch(/^\[default\] verified by channels\.matrix\.recoveryKey; its backup is in use\.$/);
    expect(problems).toEqual([undefined]);
  });

  it("[VER-3][ENC-7] is left in its place when there is nothing to do", async () => {
    const done = new FakeAccount();
    done.encryption = { crossSigningVerified: true, backup: { keyLoadAttempted: false, issue: "ok" } };
    expect((await run(done)).tried).toEqual([]);
    expect((await run(new FakeAccount(), { recoveryKey: undefined })).tried).toEqual([]);
    expect((await run(new FakeAccount(), { encryption: false })).tried).toEqual([]);
  });

  it("[BKP-5] fetches the backup's key for a device that is verified already", async () => {
    const account = new FakeAccount();
    account.encryption = { crossSigningVerified: true, backup: { keyLoadAttempted: false, issue: "key-not-loaded", serverVersion: "1" } };
    expect((await run(account)).tried).toEqual([{ recover: KEY }]);
  });

  it("[VER-3] a wrong key is told in log and status, without the key", async () => {
    const account = new FakeAccount();
    account.recovered = { recoveryKeyAccepted: false, deviceOwnerVerified: false, refusals: ["other-account"], error: "this recovery key is another account's" };
    const { log, problems } = await run(account);
    expect(problems).toEqual(["channels.matrix.recoveryKey could not do everything: this recovery key is another account's."]);
    expect(log).toContain(problems[0]);
    expect(log).not.toContain("EsTj");
  });

  it("[VER-3] a stale backup is told, too, though the device is verified", async () => {
    const account = new FakeAccount();
    account.recovered = { backupUsable: false, refusals: ["stale-backup"], error: "the key of a former backup" };
    const { log, problems } = await run(account);
    expect(log).toContain("verified by channels.matrix.recoveryKey; its backup is not usable");
    expect(problems).toEqual(["channels.matrix.recoveryKey could not do everything: the key of a former backup."]);
  });

  it("[BKP-4] a device that took the place of a lost one tries the key that its folder keeps", async () => {
    const account = new FakeAccount();
    account.encryption = { recoveryKeyStored: true };
    const { log, problems, tried } = await run(account, { recoveryKey: undefined });
    expect(tried).toEqual([{ recover: "the kept one" }]);
    expect(log).toMatch(/verified by the recovery key that this account keeps; its backup is in use\.$/);
    expect(problems).toEqual([undefined]);
  });

  it("[BKP-4] where the configured key was replaced the kept one serves, and the configuration is complained of", async () => {
    const account = new FakeAccount();
    account.encryption = { recoveryKeyStored: true };
    account.recovered = { recoveryKeyAccepted: false, deviceOwnerVerified: false, refusals: ["former-key"], error: "this recovery key has been replaced" };
    const { log, problems, tried } = await run(account);
    expect(tried).toEqual([{ recover: KEY }, { recover: "the kept one" }]);
    expect(log).toContain("verified by the recovery key that this account keeps");
    expect(problems).toEqual(["channels.matrix.recoveryKey could not do everything: this recovery key has been replaced."]);
  });

  it("[BKP-4] a reference without a value does not keep the kept key from being tried", async () => {
    const account = new FakeAccount();
    account.encryption = { recoveryKeyStored: true };
    const { problems, tried } = await run(account, { recoveryKey: { source: "env", provider: "default", id: "MATRIX_RECOVERY_KEY" } });
    expect(tried).toEqual([{ recover: "the kept one" }]);
    expect(problems[0]).toContain("MATRIX_RECOVERY_KEY");
  });

  it("[SEC-1] a reference without a value is named", async () => {
    const { problems, tried } = await run(new FakeAccount(), { recoveryKey: { source: "env", provider: "default", id: "MATRIX_RECOVERY_KEY" } });
    expect(tried).toEqual([]);
    expect(problems[0]).toMatch(/channels\.matrix\.recoveryKey.*MATRIX_RECOVERY_KEY/);
  });

  it("[VER-3] waits while the homeserver is down, and ends with the account", async () => {
    const account = new FakeAccount();
    account.recovered = new MatrixError("network", "no route");
    const again = await run(account, {}, (stop) => {
      void account.until(() => account.setups.length >= 2).then(() => {
        account.recovered = {};
        return account.until(() => account.setups.length >= 3).then(() => stop.abort());
      });
    });
    expect(again.tried.length).toBeGreaterThanOrEqual(3);
    const closed = new FakeAccount();
    await closed.close();
    expect((await run(closed)).problems).toEqual([]);
  });
});
