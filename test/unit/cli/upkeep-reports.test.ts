import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { add } from "../../../ts/cli/account-add.ts";
import { list as listDevices, pruneStale } from "../../../ts/cli/devices.ts";
import { inspect, repair } from "../../../ts/cli/direct.ts";
import { set } from "../../../ts/cli/profile.ts";
import { renew } from "../../../ts/cli/renew.ts";
import type { CommandHost, CommandOutcome } from "../../../ts/cli/run.ts";
import { accept, arm, cancel, confirmSas, list, mismatchSas, request, sas, start } from "../../../ts/cli/verification.ts";
import { verifyAcknowledge } from "../../../ts/cli/verify-acknowledge.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import type { Verification } from "../../../ts/native/verification.ts";
import { reportOf, type REPORTS, UPKEEP_REPORTS, VERIFICATION_REPORTS } from "../../support/reports/index.ts";
import { alone, file } from "../support/commands.ts";
import { FakeAccount } from "../support/fake-account.ts";
import { LOGIN } from "../support/running.ts";

const AT = Date.parse("2026-01-02T03:04:05Z");
const PERSON = "@person:example.org";
const ALICE = "@alice:example.org";
const [LIVE, SOLO] = ["!live:example.org", "!solo:example.org"] as const;
const SAS = {
  decimal: [1111, 2222, 3333],
  emoji: [
    { symbol: "🐶", name: "Dog" },
    { symbol: "🔑", name: "Key" },
  ],
};

/** A host without a gateway, whose account the test prepares. */
function host(prepare: (account: FakeAccount) => void = () => undefined, login: Record<string, unknown> = LOGIN): CommandHost {
  const account = new FakeAccount();
  prepare(account);
  return alone(account, login).host;
}

/** With one verification that has come so far. */
const at = (change: Partial<Verification>): CommandHost => host((account) => void account.verification("verification-1", { roomId: "!dm:example.org", ...change }));

const comparing = { phase: "started", chosenMethod: "m.sas.v1", sas: SAS } as const;

const crowded = (account: FakeAccount): void => {
  account.ownDevices.push(
    { deviceId: "OLD", displayName: "OpenClaw Gateway", lastSeenTs: AT, lastSeenIp: "10.0.0.9", current: false },
    { deviceId: "PHONE", displayName: "Element X", lastSeenTs: AT, current: false },
    { deviceId: "NAMELESS", current: false },
  );
};

const mapped = (account: FakeAccount): void => {
  account.inspection = { mappedRooms: [{ roomId: SOLO, strict: false, joinedMembers: ["@bot:example.org"] }, { roomId: "!gone:x", strict: false }], discoveredStrictRoomIds: [LIVE], activeRoomId: LIVE };
};

/** A login whose device is another client's, and the two that a renewal makes of it. */
function renewed(login: Record<string, unknown>, own: boolean): Promise<CommandOutcome> {
  const { host, native } = alone(new FakeAccount(), login);
  native.renewed = { formerDevice: "OLD", formerWasOwn: own, tokenRetired: !own, ...(own && { setAside: "/state/aside/2026" }) };
  return renew(host, {}, [], file({ ...login }));
}

const added = (prepare: (account: FakeAccount) => void): Promise<CommandOutcome> =>
  add(host(prepare, {}), { homeserver: LOGIN.homeserver, userId: "@ops:example.org", password: "hunter2", name: "Ops", enableE2ee: true }, [], file({}));

/** A command's words, what is asked of it, and how. */
const ASKED: readonly [command: keyof typeof REPORTS, what: string, run: () => Promise<CommandOutcome>][] = [
  ["verify list", "of none", () => list(host(), {})],
  [
    "verify list",
    "of several",
    () =>
      list(
        host((account) => {
          account.verification("verification-1", { canAccept: true, roomId: "!dm:example.org" });
          account.verification("verification-2", { ...comparing, isSelfVerification: true, initiatedByMe: true, otherUserId: "@bot:example.org" });
          account.verification("verification-3", { phase: "cancelled", otherDeviceId: undefined, cancellation: { code: "m.user", reason: "no\nthanks", byUs: false } });
        }),
        {},
      ),
  ],
  ["verify request", "of the account's own devices", () => request(host(), { ownUser: true })],
  ["verify request", "of a device", () => request(host(), { userId: PERSON, deviceId: "PHONE" })],
  ["verify accept", "of one that waits", () => accept(at({ canAccept: true }), {}, ["verification-1"])],
  ["verify start", "before there is something to compare", () => start(at({ phase: "ready" }), {}, ["verification-1"])],
  ["verify start", "with emoji at once", () => start(host((account) => ((account.afterStep = () => ({ sas: SAS })), void account.verification("verification-1", { phase: "ready" }))), {}, ["verification-1"])],
  ["verify sas", "with emoji", () => sas(at(comparing), {}, ["verification-1"])],
  ["verify sas", "with numbers alone", () => sas(at({ ...comparing, sas: { ...SAS, emoji: [] } }), {}, ["verification-1"])],
  ["verify confirm-sas", "before the other side", () => confirmSas(at(comparing), {}, ["verification-1"])],
  ["verify confirm-sas", "after the other side", () => confirmSas(host((account) => ((account.afterStep = () => ({ phase: "done" })), void account.verification("verification-1", comparing))), {}, ["verification-1"])],
  ["verify mismatch-sas", "of what differs", () => mismatchSas(at(comparing), {}, ["verification-1"])],
  ["verify cancel", "with a reason", () => cancel(at({}), { reason: "wrong person" }, ["verification-1"])],
  ["verify arm", "for a while", () => arm(host(), { for: "10m" })],
  ["verify arm", "no more", () => arm(host(), { off: true })],
  ["verify acknowledge", "of a new identity", () => verifyAcknowledge(host((account) => void (account.acknowledgeIdentity = async () => true)), {}, [ALICE])],
  ["verify acknowledge", "of nothing new", () => verifyAcknowledge(host((account) => void (account.acknowledgeIdentity = async () => false)), {}, [ALICE])],
  ["devices list", "of several", () => listDevices(host(crowded), {})],
  ["devices list", "in every detail", () => listDevices(host(crowded), { verbose: true })],
  ["devices prune-stale", "of one", () => pruneStale(host(crowded), {})],
  ["devices prune-stale", "of none", () => pruneStale(host(), {})],
  ["devices prune-stale", "that is refused", () => pruneStale(host((account) => (crowded(account), void (account.deleteError = () => new MatrixError("forbidden", "not that one")))), {})],
  ["devices renew", "of a deleted device", () => renewed(LOGIN, true)],
  ["devices renew", "of another client's", () => renewed({ homeserver: LOGIN.homeserver, accessToken: "secret-token" }, false)],
  ["direct inspect", "of a mapping that is wrong", () => inspect(host(mapped), { userId: ALICE })],
  ["direct inspect", "of nobody known", () => inspect(host(), { userId: ALICE })],
  [
    "direct repair",
    "of a mapping that is wrong",
    () => repair(host((account) => (mapped(account), void (account.repaired = { encrypted: true, contentBefore: `{"${ALICE}":["${SOLO}"]}`, contentAfter: `{"${ALICE}":["${LIVE}"]}` }))), { userId: ALICE }),
  ],
  ["profile set", "of name and picture", () => set(host((account) => void (account.profileOutcome = { displayNameUpdated: true, avatarUpdated: true, resolvedAvatarUrl: "mxc://hs/new", convertedAvatar: true })), { name: "Ops", avatarUrl: "https://example.org/a.png" }, [], file({ ...LOGIN }))],
  ["profile set", "of what was so already", () => set(host((account) => void (account.profileOutcome = { displayNameUpdated: false })), { name: "Ops" }, [], file({ ...LOGIN }))],
  [
    "account add",
    "with encryption",
    () =>
      added((account) => {
        crowded(account);
        account.bootstrapped = { recoveryKeyCreated: true, identityCreated: true, deviceSigned: true, backupCreated: true };
        account.storedKey = "EsTj 3yST y93F SLpB jJsz eAXc 2XzA ygD3 w69H fGaN TKBj jXEd";
        account.encryption = { recoveryKeyCreatedAt: AT, backupVersion: "1" };
      }),
  ],
  [
    "account add",
    "that was finished in part",
    () =>
      added((account) => {
        account.bootstrapped = new MatrixError("not_verified", "the account's encryption was set up by another client");
        account.profileOutcome = new MatrixError("forbidden", "names are managed elsewhere");
      }),
  ],
];

describe("what the commands of verification and upkeep print", () => {
  beforeAll(() => void vi.useFakeTimers({ toFake: ["Date"], now: AT }));
  afterAll(() => void vi.useRealTimers());

  it.each(ASKED)("[VER-5][DEV-1][DRX-1][PRF-1] `%s` %s fits its schema, and its text is as it was read through", async (command, _what, run) => {
    const outcome = await run();
    reportOf(command, outcome.json);
    expect(JSON.stringify(outcome)).not.toMatch(/hunter2|secret-token/);
    expect(`${outcome.lines.join("\n")}\nexit ${outcome.exitCode}`).toMatchSnapshot();
  });

  it("[VER-5] each of them is shown here", () => {
    expect(new Set(ASKED.map(([command]) => command))).toEqual(new Set(Object.keys({ ...VERIFICATION_REPORTS, ...UPKEEP_REPORTS })));
  });
});
