import { describe, expect, it } from "vitest";
import { type Person, verifySelf } from "../../../ts/cli/verify-self.ts";
import { arm, cancel, list, request, sas } from "../../../ts/cli/verification.ts";
import type { CommandHost } from "../../../ts/cli/run.ts";
import type { Verification } from "../../../ts/native/verification.ts";
import { FakeAccount } from "../support/fake-account.ts";
import { FakeNative, LOGIN } from "../support/running.ts";

const SAS = { decimal: [1111, 2222, 3333], emoji: [{ symbol: "🐶", name: "Dog" }] };

/** A host without a gateway. */
function alone(account: FakeAccount): CommandHost {
  return {
    cfg: { channels: { matrix: LOGIN } },
    native: () => new FakeNative(() => account),
    stateRoot: "/nonexistent",
    call: async () => {
      throw Object.assign(new Error("gateway closed (ECONNREFUSED)"), { name: "GatewayTransportError", kind: "closed", connectionDetails: {} });
    },
  };
}

/** A person who answers in turn, and what they saw. */
function person(...answers: string[]): Person & { saw: string[] } {
  const saw: string[] = [];
  return {
    saw,
    tell: (line) => void saw.push(line),
    ask: async (question) => {
      saw.push(question);
      return answers.shift() ?? "";
    },
    draw: (code) => void saw.push(code),
    close: () => undefined,
  };
}

/** Another device that goes along: willing at once, emoji after a start, done after a confirmation. */
function otherDevice(account: FakeAccount, methods = ["m.sas.v1"]): void {
  account.afterStep = (step): Partial<Verification> => {
    if (step === "request") return { phase: "ready", otherDeviceId: "PHONE", methods };
    if (step === "start") return { phase: "started", sas: SAS };
    if (step === "qr") return { phase: "started", qrScanned: true };
    if (step === "confirm") {
      account.encryption = { crossSigningVerified: true, backup: { keyLoadAttempted: false, issue: "ok" } };
      return { phase: "done", qrScanned: false };
    }
    return {};
  };
}

describe("verify self", () => {
  it("[VER-4] shows emoji and numbers, and is done when the person typed yes and the device is signed", async () => {
    const account = new FakeAccount();
    otherDevice(account);
    const someone = person("yes");
    const outcome = await verifySelf(alone(account), {}, [], someone);
    expect(outcome).toMatchObject({ exitCode: 0, lines: ["Verified: this device is signed by the account's own cross-signing identity."] });
    expect(account.requested).toEqual([{ qr: false }]);
    expect(account.steps).toEqual(["start verification-1", "confirm verification-1"]);
    expect(someone.saw.join("\n")).toMatch(/device PHONE[^]*🐶 Dog[^]*1111 2222 3333[^]*Type yes/);
    expect(account.closed).toBe(true);
  });

  it("[VER-4] waits for the backup's key, which comes after the signature, and says so when there is no backup", async () => {
    const account = new FakeAccount();
    otherDevice(account);
    const late = account.encryptionStatus.bind(account);
    const issues = ["key-not-loaded", "missing-server-backup"] as const;
    let looked = 0;
    account.encryptionStatus = async () => {
      const now = await late();
      return now.crossSigningVerified ? { ...now, backup: { keyLoadAttempted: false, issue: issues[looked++ < 2 ? 0 : 1] } } : now;
    };
    const { exitCode, lines } = await verifySelf(alone(account), {}, [], person("yes"));
    expect({ exitCode, looked }).toEqual({ exitCode: 0, looked: 3 });
    expect(lines[1]).toBe("Backup issue: no room-key backup exists on the homeserver (missing-server-backup)");
  });

  it.each(["no", "", "y"])("[VER-4] anything but yes (%j) is a mismatch", async (said) => {
    const account = new FakeAccount();
    otherDevice(account);
    const outcome = await verifySelf(alone(account), {}, [], person(said));
    expect(outcome.exitCode).toBe(1);
    expect(account.steps).toEqual(["start verification-1", "mismatch verification-1"]);
  });

  it("[VER-4] nobody there is told after the time-out, and the request is withdrawn", async () => {
    const account = new FakeAccount();
    const outcome = await verifySelf(alone(account), { timeoutMs: "1000" }, [], person());
    expect(outcome.exitCode).toBe(1);
    expect(outcome.lines.join()).toContain("no other device answered within 1 s");
    expect(account.steps).toEqual(["cancel verification-1"]);
  }, 30_000);

  it("[VER-9] --qr draws a code, and asks whether the other device has scanned it", async () => {
    const account = new FakeAccount();
    otherDevice(account, ["m.sas.v1", "m.qr_code.show.v1", "m.reciprocate.v1"]);
    const someone = person("yes");
    expect((await verifySelf(alone(account), { qr: true }, [], someone)).exitCode).toBe(0);
    expect(account.requested).toEqual([{ qr: true }]);
    expect(account.steps).toEqual(["qr verification-1", "confirm verification-1"]);
    expect(someone.saw.join("\n")).toContain("█▀█\n▀▀▀");
  });

  it("[VER-9] --qr compares emoji with a device that scans nothing", async () => {
    const account = new FakeAccount();
    otherDevice(account);
    expect((await verifySelf(alone(account), { qr: true }, [], person("yes"))).exitCode).toBe(0);
    expect(account.steps).toEqual(["start verification-1", "confirm verification-1"]);
  });

  it("[VER-4] refuses --json, which no person reads", async () => {
    await expect(verifySelf(alone(new FakeAccount()), { json: true }, [], person())).rejects.toThrow("verify request, start, sas and confirm-sas");
  });
});

describe("the steps of a verification", () => {
  it("[VER-5] print the official plugin's shape", async () => {
    const account = new FakeAccount();
    account.verification("verification-1", { phase: "started", chosenMethod: "m.sas.v1", sas: SAS, roomId: "!dm:example.org" });
    expect((await list(alone(account), {})).json).toEqual([
      {
        id: "verification-1",
        transactionId: "txn-verification-1",
        roomId: "!dm:example.org",
        otherUserId: "@person:example.org",
        otherDeviceId: "PHONE",
        isSelfVerification: false,
        initiatedByMe: false,
        phase: 4,
        phaseName: "started",
        pending: true,
        methods: ["m.sas.v1"],
        chosenMethod: "m.sas.v1",
        canAccept: false,
        hasSas: true,
        sas: { decimal: [1111, 2222, 3333], emoji: [["🐶", "Dog"]] },
        hasReciprocateQr: false,
        completed: false,
        createdAt: "2023-11-14T22:13:20.000Z",
        updatedAt: "2023-11-14T22:13:20.001Z",
      },
    ]);
    expect((await sas(alone(account), {}, ["verification-1"])).json).toEqual({ decimal: [1111, 2222, 3333], emoji: [["🐶", "Dog"]] });
  });

  it("[VER-5] find the one of a direct message, by its people", async () => {
    const account = new FakeAccount();
    account.verification("verification-1", { phase: "started", sas: SAS, roomId: "!dm:example.org" });
    const options = { userId: "@person:example.org", roomId: "!dm:example.org" };
    expect((await sas(alone(account), options, ["$request"])).json).toMatchObject({ decimal: [1111, 2222, 3333] });
    await expect(sas(alone(account), { userId: "@person:example.org" }, ["$request"])).rejects.toThrow("--user-id and --room-id together");
    await expect(sas(alone(account), {}, ["verification-9"])).rejects.toThrow("openclaw matrix verify list");
  });

  it("[VER-5] ask the right one, and say what to give", async () => {
    const account = new FakeAccount();
    await request(alone(account), { userId: "@person:example.org" });
    expect(account.requested).toEqual([{ userId: "@person:example.org", roomId: "!dm-person-example.org:example.org", qr: false }]);
    await expect(request(alone(account), {})).rejects.toThrow("--own-user");
    await expect(request(alone(account), { ownUser: true, userId: "@a:b" })).rejects.toThrow("--own-user");
    await expect(request(alone(account), { ownUser: true, deviceId: "D" })).rejects.toThrow("--user-id and --device-id");
  });

  it("[VER-5] cancel with a code and a reason, and refuse what is no code", async () => {
    const account = new FakeAccount();
    account.verification("verification-1");
    expect((await cancel(alone(account), { code: "org.example.busy", reason: "later" }, ["verification-1"])).json).toMatchObject({ phase: 5, error: "later (org.example.busy)" });
    await expect(cancel(alone(account), { code: "Not One" }, ["verification-1"])).rejects.toThrow("m.user or org.example.reason");
  });

  it("[VER-8] a window opens for a time and closes", async () => {
    const account = new FakeAccount();
    expect((await arm(alone(account), { for: "10m" })).json).toMatchObject({ armed: true });
    expect((await arm(alone(account), { off: true })).json).toEqual({ armed: false, until: null });
    for (const wrong of [{}, { for: "10m", off: true }, { for: "soon" }]) await expect(arm(alone(account), wrong)).rejects.toThrow(/--for/);
  });
});
