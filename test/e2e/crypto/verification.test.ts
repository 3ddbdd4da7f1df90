import { VerificationPhase } from "matrix-js-sdk/lib/crypto-api/index.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resolveMatrixAccount } from "../../../ts/config/accounts.ts";
import type { StartupAsked, Verification } from "../../../ts/native/verification.ts";
import { followVerifications } from "../../../ts/verification/follow.ts";
import type { JsSdkHuman, NioHuman, Shown } from "../../support/humans/index.ts";
import { until } from "../../support/process.ts";
import { type Ours, World } from "./world.ts";

const WAIT_MS = 60_000;

/** One verification of ours, once it fits. */
async function ours(account: Ours, what: string, fits: (one: Verification) => boolean): Promise<Verification> {
  return until(`a verification that is ${what}`, WAIT_MS, async () => (await account.account.verifications()).findLast(fits), 100).catch(async (error: Error) => {
    throw new Error(`${error.message}; there is ${JSON.stringify(await account.account.verifications())}`);
  });
}

const requested = (one: Verification) => one.canAccept;
const ready = (one: Verification) => one.phase === "ready";
const comparable = (one: Verification) => one.sas !== undefined;

/** What our side shows. */
function shown({ sas }: Verification): Shown {
  return { emoji: sas?.emoji.map(({ symbol }) => symbol).join(" ") ?? "", decimal: sas?.decimal.join(" ") ?? "" };
}

describe("verification with other clients", () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start();
  });
  afterAll(() => world.end());

  /** An account whose user has set everything up in another client; our device is not verified. */
  async function withOwner(): Promise<{ account: Ours; owner: JsSdkHuman }> {
    const credentials = await world.user();
    const owner = await world.browser(credentials);
    await owner.verifications.setUp(credentials.password);
    const account = world.account(credentials);
    await account.start();
    return { account, owner };
  }

  /** An account with an identity of its own, and a person with theirs. */
  async function withPerson(): Promise<{ account: Ours; person: JsSdkHuman }> {
    const [account, person] = await Promise.all([world.ours(), world.browser()]);
    await Promise.all([
      account.account.bootstrapEncryption({ forceResetCrossSigning: false }),
      person.verifications.setUp(person.credentials.password),
    ]);
    return { account, person };
  }

  /** Both sides show the same; both people say so; both sides are done. */
  async function agree(account: Ours, theirs: { compare: () => Promise<Shown>; confirm: () => Promise<void>; done: () => Promise<void> }): Promise<Verification> {
    const [other, one] = await Promise.all([theirs.compare(), ours(account, "comparable", comparable)]);
    expect(shown(one)).toEqual(other);
    expect(one.sas?.emoji).toHaveLength(7);
    await theirs.confirm();
    await account.account.confirmVerification({ id: one.id });
    await theirs.done();
    return ours(account, "done", ({ id, phase }) => id === one.id && phase === "done");
  }

  it("[VER-4] another device of the account verifies ours: it is cross-signed, has the identity's keys, and the backup is in use", async () => {
    const { account, owner } = await withOwner();
    const asked = await account.account.requestVerification({ qr: false });
    expect(asked).toMatchObject({ isSelfVerification: true, initiatedByMe: true, phase: "requested", id: "verification-1" });
    const theirs = await owner.verifications.next(account.userId);
    await theirs.accept();
    const willing = await ours(account, "ready", ready);
    expect(willing).toMatchObject({ otherDeviceId: owner.credentials.deviceId, methods: ["m.sas.v1"] });
    await account.account.startVerification({ id: asked.id });
    await agree(account, theirs);
    const { deviceId } = account.account.identity;
    await until("our device to be signed", WAIT_MS, async () => (await account.account.encryptionStatus()).crossSigningVerified);
    await until("the other device to see it", WAIT_MS, () => owner.verifications.isDeviceVerified(account.userId, deviceId));
    await until("the secrets to come, and the backup to be in use", WAIT_MS, async () => {
      const { privateKeysHere, backup } = await account.account.encryptionStatus();
      return privateKeysHere && backup.issue === "ok";
    });
  });

  it("[VER-4] ours verifies a new device of the account, which asks and begins", async () => {
    const account = await world.ours();
    await account.account.bootstrapEncryption({ forceResetCrossSigning: false });
    const credentials = await world.homeserver.login(account.userId, account.user.password);
    const fresh = await world.browser(credentials);
    const theirs = await fresh.verifications.askOwnDevices();
    const one = await ours(account, "requested", requested);
    expect(one).toMatchObject({ isSelfVerification: true, initiatedByMe: false, otherDeviceId: credentials.deviceId });
    expect(await account.account.acceptVerification({ id: one.transactionId })).toMatchObject({ id: one.id, phase: "ready" });
    const begun = theirs.begin();
    await agree(account, { compare: () => begun, confirm: () => theirs.confirm(), done: () => theirs.done() });
    await until("the new device to be signed", WAIT_MS, () => fresh.verifications.isDeviceVerified(account.userId, credentials.deviceId));
  });

  it("[VER-5] a person in a direct message is verified, whoever asks and whoever begins", async () => {
    const { account, person } = await withPerson();
    const room = await world.room(person, account);
    const theirs = await person.verifications.ask(account.userId, room);
    const one = await ours(account, "requested", requested);
    expect(one).toMatchObject({ otherUserId: person.userId, roomId: room, isSelfVerification: false });
    await account.account.acceptVerification({ id: "whatever", userId: person.userId, roomId: room });
    await theirs.waitFor(VerificationPhase.Ready);
    await account.account.startVerification({ id: one.id });
    await agree(account, theirs);
    await until("the person to trust our identity", WAIT_MS, () => person.verifications.isVerified(account.userId));
    expect(account.seen.filter(({ type }) => type === "message")).toEqual([]);

    const again = await account.account.requestVerification({ userId: person.userId, roomId: room, qr: false });
    expect(again).toMatchObject({ id: "verification-2", roomId: room, initiatedByMe: true });
    const second = await person.verifications.next(account.userId);
    await second.accept();
    const begun = second.begin();
    await agree(account, { compare: () => begun, confirm: () => second.confirm(), done: () => second.done() });
  });

  it("[VER-5] a request that comes before the device that asks is known is heard: the first message of an unencrypted room", async () => {
    const { account, person } = await withPerson();
    const room = await person.createDm(account.userId, { encrypted: false });
    const theirs = await person.verifications.ask(account.userId, room);
    await account.join(room);
    const one = await ours(account, "requested", requested);
    await account.account.cancelVerification({ id: one.id });
    expect(await theirs.cancelled()).toBe("m.user");
  });

  it("[VER-5] a difference ends it on both sides with m.mismatched_sas, whoever sees it", async () => {
    const { account, owner } = await withOwner();
    for (const bySelf of [true, false]) {
      const asked = await account.account.requestVerification({ qr: false });
      const theirs = await owner.verifications.next(account.userId, { after: bySelf ? 0 : 1 });
      await theirs.accept();
      await ours(account, "ready", ({ id, phase }) => id === asked.id && phase === "ready");
      await account.account.startVerification({ id: asked.id });
      await Promise.all([theirs.compare(), ours(account, "comparable", comparable)]);
      if (bySelf) {
        expect(await account.account.mismatchVerification({ id: asked.id })).toMatchObject({ phase: "cancelled", cancellation: { code: "m.mismatched_sas", byUs: true } });
        expect(await theirs.cancelled()).toBe("m.mismatched_sas");
      } else {
        theirs.mismatch();
        const ended = await ours(account, "cancelled", ({ id, phase }) => id === asked.id && phase === "cancelled");
        expect(ended.cancellation).toMatchObject({ code: "m.mismatched_sas", byUs: false });
      }
      await expect(account.account.confirmVerification({ id: asked.id })).rejects.toMatchObject({ code: "verification_phase" });
    }
    expect((await account.account.encryptionStatus()).crossSigningVerified).toBe(false);
  });

  it("[VER-5] is cancelled with our code, and from the other side", async () => {
    const { account, owner } = await withOwner();
    const first = await account.account.requestVerification({ qr: false });
    const theirs = await owner.verifications.next(account.userId);
    await expect(account.account.requestVerification({ qr: false })).rejects.toMatchObject({ code: "verification_phase", message: expect.stringContaining("openclaw matrix verify cancel verification-1") });
    expect(await account.account.cancelVerification({ id: first.id }, { code: "org.example.busy", reason: "later" })).toMatchObject({
      phase: "cancelled",
      pending: false,
      cancellation: { code: "org.example.busy", reason: "later", byUs: true },
    });
    expect(await theirs.cancelled()).toBe("org.example.busy");

    const second = await account.account.requestVerification({ qr: false });
    const declined = await owner.verifications.next(account.userId, { after: 1 });
    await declined.cancel();
    const ended = await ours(account, "cancelled", ({ id, phase }) => id === second.id && phase === "cancelled");
    expect(ended.cancellation).toMatchObject({ code: "m.user", byUs: false });
    await expect(account.account.startVerification({ id: second.id })).rejects.toMatchObject({ code: "verification_phase" });
    await expect(account.account.startVerification({ id: "verification-9" })).rejects.toMatchObject({ code: "verification_not_found" });
  });

  it("[VER-9] our code is scanned by another device of the account, and a person confirms it", async () => {
    const { account, owner } = await withOwner();
    const asked = await account.account.requestVerification({ qr: true });
    const theirs = await owner.verifications.next(account.userId);
    await theirs.accept();
    const willing = await ours(account, "ready", ready);
    expect(willing.methods).toEqual(["m.sas.v1", "m.qr_code.show.v1", "m.reciprocate.v1"]);
    const code = await account.account.verificationQr({ id: asked.id });
    expect(Buffer.from(code.payload.subarray(0, 6)).toString()).toBe("MATRIX");
    expect(await account.account.verificationQr({ id: asked.id })).toEqual(code);
    expect(code.text.split("\n").length).toBeGreaterThan(15);
    await theirs.scan(code.payload);
    expect(await ours(account, "scanned", ({ qrScanned }) => qrScanned)).toMatchObject({ phase: "started", chosenMethod: "m.reciprocate.v1" });
    await account.account.confirmVerification({ id: asked.id });
    await theirs.done();
    await ours(account, "done", ({ id, phase }) => id === asked.id && phase === "done");
    await until("our device to be signed", WAIT_MS, async () => (await account.account.encryptionStatus()).crossSigningVerified);
  });

  it("[VER-5] both sides that begin at once agree on one comparison", async () => {
    const { account, owner } = await withOwner();
    const asked = await account.account.requestVerification({ qr: false });
    const theirs = await owner.verifications.next(account.userId);
    await theirs.accept();
    await ours(account, "ready", ready);
    const [begun] = await Promise.all([theirs.begin(), account.account.startVerification({ id: asked.id })]);
    await agree(account, { compare: async () => begun, confirm: () => theirs.confirm(), done: () => theirs.done() });
  });

  it("[VER-5] a restart in the middle is told to the other side, and a new one works", async () => {
    const { account, owner } = await withOwner();
    await account.account.requestVerification({ qr: false });
    const theirs = await owner.verifications.next(account.userId);
    await theirs.accept();
    await ours(account, "ready", ready);
    await account.restart();
    expect(await theirs.cancelled()).toBe("m.user");
    expect(await account.account.verifications()).toEqual([]);
    const asked = await account.account.requestVerification({ qr: false });
    const again = await owner.verifications.next(account.userId, { after: 1 });
    await again.accept();
    await ours(account, "ready", ready);
    await account.account.startVerification({ id: asked.id });
    await agree(account, again);
  });

  it("[VER-5] matrix-nio begins without asking first, as older clients do, and both devices are verified", async () => {
    const account = await world.ours();
    const person = (await world.person("matrix-nio")) as NioHuman;
    await world.room(person, account);
    const { deviceId } = account.account.identity;
    await person.beginVerification(account.userId, deviceId);
    const one = await ours(account, "requested", requested);
    expect(one).toMatchObject({ otherUserId: person.userId, otherDeviceId: person.credentials.deviceId, phase: "started", isSelfVerification: false });
    await account.account.acceptVerification({ id: one.id });
    const compared = await ours(account, "comparable", comparable);
    expect(shown(compared).emoji).toBe(await person.verificationEmoji(one.transactionId));
    await person.confirmVerification(one.transactionId);
    await account.account.confirmVerification({ id: one.id });
    await ours(account, "done", ({ id, phase }) => id === one.id && phase === "done");
    await until("matrix-nio to trust the device", WAIT_MS, () => person.trustsDevice(account.userId, deviceId));
  });

  it("[VER-6] the account's other devices are asked once at a start, and not again for a day, nor once it is verified", async () => {
    const { account, owner } = await withOwner();
    const ask = (): Promise<StartupAsked> => account.account.requestStartupVerification({ cooldownMs: 86_400_000, failureCooldownMs: 3_600_000 });
    const first = await ask();
    expect(first).toMatchObject({ outcome: "asked", verification: { isSelfVerification: true } });
    const theirs = await owner.verifications.next(account.userId);
    expect((await ask()).outcome).toBe("under-way");
    await theirs.cancel();
    await ours(account, "cancelled", ({ phase }) => phase === "cancelled");
    const again = await ask();
    expect(again.outcome).toBe("cooling-down");
    expect(again.until).toBeGreaterThan(Date.now() + 86_000_000);
    await account.restart();
    expect((await ask()).outcome).toBe("cooling-down");
    expect(owner.verifications.received).toHaveLength(1);

    const fresh = await world.ours();
    expect((await fresh.account.requestStartupVerification({ cooldownMs: 1000, failureCooldownMs: 1000 })).outcome).toBe("no-identity");
    await fresh.account.bootstrapEncryption({ forceResetCrossSigning: false });
    expect((await fresh.account.requestStartupVerification({ cooldownMs: 1000, failureCooldownMs: 1000 })).outcome).toBe("verified");
  });

  it("[VER-8] a stranger is refused and nothing is confirmed by itself; while a window is open they are accepted", async () => {
    const { account, person } = await withPerson();
    const room = await world.room(person, account);
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const cfg = { channels: { matrix: { homeserver: world.homeserver.baseUrl, accessToken: "t", encryption: true, dm: { policy: "open", allowFrom: ["*"] } } } };
    const following = followVerifications({
      account: account.account,
      accountId: "default",
      resolved: () => resolveMatrixAccount(cfg as never, "default"),
      path: "channels.matrix",
      owners: () => [],
      paired: async () => [],
      log: { info: write, warn: write, error: write },
    });
    const refused = await person.verifications.ask(account.userId, room);
    expect(await refused.cancelled()).toBe("m.user");
    expect(lines.join("\n")).toContain(`add "${person.userId}" to channels.matrix.dm.allowFrom`);
    expect(person.events.filter(({ sender, type }) => sender === account.userId && type === "m.room.message")).toEqual([]);

    await account.account.armVerification(600_000);
    const welcome = await person.verifications.ask(account.userId, room);
    const { decimal } = await welcome.begin();
    await person.waitForMessage(account.userId, decimal);
    await welcome.confirm();
    const waiting = await ours(account, "comparable", comparable);
    expect(waiting).toMatchObject({ phase: "started", confirmed: false });
    await account.account.confirmVerification({ id: waiting.id });
    await welcome.done();

    await account.account.armVerification();
    const late = await person.verifications.ask(account.userId, room);
    expect(await late.cancelled()).toBe("m.user");
    await account.close();
    await following;
  });
});
