import { describe, expect, it } from "vitest";
import { finish, type CommandHost, terminalText } from "../../../ts/cli/run.ts";
import { statusLines, verifyStatus } from "../../../ts/cli/verify.ts";
import { encryptionReport } from "../../../ts/operations/encryption-report.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import { FakeAccount } from "../support/fake-account.ts";
import { FakeNative, LOGIN } from "../support/running.ts";

const cfg = { channels: { matrix: LOGIN } };

async function report(change: Parameters<typeof Object.assign>[1] = {}) {
  const account = new FakeAccount();
  account.encryption = change;
  return encryptionReport(await account.encryptionStatus());
}

/** What the host's client throws when nothing listens. */
function refused(): Error {
  return Object.assign(new Error("gateway closed (ECONNREFUSED)"), { name: "GatewayTransportError", kind: "closed", connectionDetails: {} });
}

/** A host without a gateway. */
function alone(native: FakeNative): CommandHost {
  return {
    cfg,
    native: () => native,
    stateRoot: "/nonexistent",
    call: async () => {
      throw refused();
    },
  };
}

describe("verify status", () => {
  it("[VER-1] asks the gateway first, for the account meant", async () => {
    const asked: unknown[] = [];
    const native = new FakeNative(() => new FakeAccount());
    const outcome = await verifyStatus(
      {
        cfg: { channels: { matrix: { defaultAccount: "ops", accounts: { ops: LOGIN, alerts: LOGIN } } } },
        native: () => native,
        call: async (method, _options, params) => {
          asked.push(method, params);
          return { ...(await report({ crossSigningVerified: true })) };
        },
      },
      {},
    );
    expect(asked).toEqual(["matrix.verify.status", { includeRecoveryKey: false, accountId: "ops" }]);
    expect(outcome).toMatchObject({ exitCode: 0, json: { verified: true } });
    expect(native.opened).toEqual([]);
  });

  it("[ENC-13] without a gateway opens the account itself, starts no sync, and closes it", async () => {
    const account = new FakeAccount();
    const outcome = await verifyStatus(alone(new FakeNative(() => account)), {});
    expect(outcome.json).toMatchObject({ deviceId: "BOTDEVICE", verified: false });
    expect(account).toMatchObject({ started: false, closed: true });
  });

  it("[ENC-13] a held store is said, with the process that holds it", async () => {
    const native = new FakeNative(() => {
      throw new MatrixError("store_locked", "the folder is locked");
    });
    native.holder = { pid: 4711, since: 0 };
    await expect(verifyStatus(alone(native), {})).rejects.toThrow(/store_locked.*|4711/);
    await expect(verifyStatus(alone(native), {})).rejects.toThrow("process 4711");
  });

  it("[VER-1] an error of the gateway is the command's error: it never opens the store behind a gateway's back", async () => {
    const native = new FakeNative(() => new FakeAccount());
    const host: CommandHost = {
      cfg,
      native: () => native,
      call: async () => {
        throw new Error("The account does not run.");
      },
    };
    await expect(verifyStatus(host, {})).rejects.toThrow("The account does not run.");
    expect(native.opened).toEqual([]);
  });

  it("[ACC-5] refuses to guess among several accounts, and names them", async () => {
    const several = { channels: { matrix: { accounts: { one: LOGIN, two: LOGIN } } } };
    const host = { ...alone(new FakeNative(() => new FakeAccount())), cfg: several };
    await expect(verifyStatus(host, {})).rejects.toThrow(/--account.*one, two/);
    await expect(verifyStatus(host, { account: "three" })).rejects.toThrow(/"three".*one, two/);
    expect((await verifyStatus(host, { account: "two" })).exitCode).toBe(0);
  });

  it("[VER-11] a device the homeserver does not know is exit 1, with the way out", async () => {
    const account = new FakeAccount();
    account.encryption = { serverDeviceKnown: false };
    const outcome = await verifyStatus(alone(new FakeNative(() => account)), {});
    expect(outcome.exitCode).toBe(1);
    expect(outcome.lines.join("\n")).toContain("openclaw matrix devices renew");
  });

  it("[VER-1] a homeserver that cannot be asked is an error, unless local state is enough", async () => {
    const account = () => {
      const one = new FakeAccount();
      one.encryption = { serverDeviceKnown: undefined };
      return one;
    };
    await expect(verifyStatus(alone(new FakeNative(account)), {})).rejects.toThrow("--allow-degraded-local-state");
    const outcome = await verifyStatus(alone(new FakeNative(account)), { allowDegradedLocalState: true });
    expect(outcome).toMatchObject({ exitCode: 0, json: { serverDeviceKnown: null } });
  });

  it("[VER-1] cross-signing alone makes a device verified", async () => {
    expect(await report({ localVerified: true, verified: true })).toMatchObject({ verified: false, localVerified: true });
    expect(statusLines(await report({ localVerified: true }), false).join("\n")).toContain("Verified: no");
    expect(statusLines(await report({ crossSigningVerified: true }), false).join("\n")).toContain("Verified: yes");
  });

  it("[VER-1] --verbose adds every signal, the short form does not", async () => {
    const one = await report({ backup: { serverVersion: "2", keyLoadAttempted: true, keyLoadError: "no key", issue: "key-load-failed" } });
    const long = statusLines(one, true).join("\n");
    for (const part of ["verified locally: yes", "signed by its owner: no", "master no", "no key", "version 2 on the homeserver, not in use"]) expect(long).toContain(part);
    expect(statusLines(one, false).length).toBeLessThan(7);
  });

  it("[ENC-1] encryption that is off is said with its key", async () => {
    expect(statusLines(await report({ encryptionEnabled: false }), false).join("\n")).toMatch(/Encryption: off[\s\S]*encryption: true/);
  });
});

describe("a command's end", () => {
  async function ended(json: boolean, work: Parameters<typeof finish>[1]) {
    const out = { text: "", error: "", code: -1 };
    await finish(json, work, {
      write: async (text) => void (out.text += text),
      writeError: async (text) => void (out.error += text),
      exit: (code) => void (out.code = code),
    });
    return out;
  }

  it("[VER-1] --json prints one document, an error too", async () => {
    const good = await ended(true, async () => ({ json: { a: 1 }, lines: ["no"], exitCode: 0 }));
    expect(JSON.parse(good.text)).toEqual({ a: 1 });
    const bad = await ended(true, async () => Promise.reject(new Error("why")));
    expect(JSON.parse(bad.text)).toEqual({ error: "why" });
    expect([good.code, bad.code]).toEqual([0, 1]);
  });

  it("[VER-1] text goes to people without control characters, errors to stderr", async () => {
    const good = await ended(false, async () => ({ json: {}, lines: ["a\u001B[31mred\u202E"], exitCode: 0 }));
    expect(good.text).toBe("a[31mred\n");
    expect((await ended(false, async () => Promise.reject(new Error("why")))).error).toBe("why\n");
    expect(terminalText("tab\tline\n")).toBe("tab\tline\n");
  });
});
