import { afterEach, describe, expect, it } from "vitest";
import { resolveMatrixAccount } from "../../../ts/config/accounts.ts";
import { followVerifications } from "../../../ts/verification/follow.ts";
import { verifyAtStart } from "../../../ts/verification/startup.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import { FakeAccount } from "../support/fake-account.ts";

const PERSON = "@person:example.org";
const SAS = { decimal: [1111, 2222, 3333], emoji: [{ symbol: "🐶", name: "Dog" }] };

function follow(dm: Record<string, unknown> = { allowFrom: [PERSON] }) {
  const account = new FakeAccount();
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const cfg = { channels: { matrix: { homeserver: "https://example.org", accessToken: "t", encryption: true, dm } } };
  const done = followVerifications({
    account,
    accountId: "default",
    resolved: () => resolveMatrixAccount(cfg as never, "default"),
    path: "channels.matrix",
    owners: () => [],
    paired: async () => [],
    log: { info: write, warn: write, error: write, debug: () => undefined },
  });
  const settle = async () => {
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  };
  const notices = () => account.sent.map((out) => (out.type === "text" ? { roomId: out.roomId, kind: out.kind, text: out.markdown } : out));
  return { account, lines, done, settle, notices };
}

describe("following verifications", () => {
  let open: FakeAccount | undefined;
  afterEach(() => open?.close());

  it("[VER-7] every stage is a notice in the direct message, with emoji and numbers, and a line in the log", async () => {
    const { account, lines, settle, notices } = follow();
    open = account;
    account.room("!dm:example.org", { otherMembers: [PERSON], directTargets: [PERSON] });
    const id = "verification-1";
    account.verification(id, { otherUserId: PERSON, roomId: "!dm:example.org", canAccept: true });
    await settle();
    expect(account.steps).toEqual([`accept ${id}`]);
    account.verification(id, { phase: "started" });
    await settle();
    account.verification(id, { sas: SAS });
    await settle();
    account.verification(id, { sas: undefined, confirmed: true });
    await settle();
    account.verification(id, { phase: "done" });
    await settle();
    const texts = notices() as { roomId: string; kind: string; text: string }[];
    expect(texts.map(({ roomId, kind }) => `${kind} in ${roomId}`)).toEqual(texts.map(() => "notice in !dm:example.org"));
    expect(texts.map(({ text }) => text.split("\n")[0])).toEqual([
      "🔐 Verification: you asked me to verify with you; I accept.",
      "🔐 Verification: both sides are ready. Begin to compare emoji in your app.",
      "🔐 Verification: the comparison begins.",
      "🔐 Verification: compare with what your app shows.",
      "🔐 Verification: done. Both sides have confirmed.",
    ]);
    expect(texts[3]?.text).toContain("🐶 Dog · 1111 2222 3333");
    expect(texts[3]?.text).toContain("openclaw matrix verify confirm-sas verification-1 --account default");
    expect(lines.join("\n")).toContain("compare 🐶 Dog · 1111 2222 3333");
    expect(account.steps).toEqual([`accept ${id}`]);
  });

  it("[VER-8] a stranger is refused, told nothing, and the log says what would allow it", async () => {
    const { account, lines, settle } = follow({ allowFrom: ["*"], policy: "open" });
    open = account;
    account.room("!dm:example.org", { otherMembers: [PERSON] });
    account.verification("verification-1", { otherUserId: PERSON, roomId: "!dm:example.org", canAccept: true });
    await settle();
    expect(account.steps).toEqual(["cancel verification-1"]);
    expect(account.sent).toEqual([]);
    expect(lines).toEqual([expect.stringContaining("was refused; to let them verify, add")]);
  });

  it("[VER-7] nothing is said where others read, and nothing for the account's own devices", async () => {
    const { account, lines, settle } = follow();
    open = account;
    account.room("!many:example.org", { joinedMemberCount: 3, otherMembers: [PERSON, "@other:example.org"] });
    account.verification("verification-1", { otherUserId: PERSON, roomId: "!many:example.org", canAccept: true });
    account.verification("verification-2", { otherUserId: "@bot:example.org", isSelfVerification: true, canAccept: true });
    await settle();
    account.verification("verification-2", { phase: "started", sas: SAS });
    await settle();
    expect(account.steps.toSorted()).toEqual(["accept verification-1", "accept verification-2"]);
    expect(account.sent).toEqual([]);
    expect(lines.join("\n")).toContain("verification-2 with this account's own device PHONE: compare 🐶 Dog");
  });

  it("[VER-8] a request that ended before it was looked at is told to nobody", async () => {
    const { account, lines, settle } = follow();
    open = account;
    account.room("!dm:example.org", { otherMembers: [PERSON] });
    account.verification("verification-1", { otherUserId: PERSON, roomId: "!dm:example.org", phase: "cancelled", cancellation: { code: "m.user", reason: "it was cancelled", byUs: true } });
    await settle();
    expect(account.sent).toEqual([]);
    expect(lines).toEqual([expect.stringContaining("ended without a result")]);
  });

  it("[VER-7] what the other side wrote as its reason is no markup of ours", async () => {
    const { account, lines, settle, notices } = follow();
    open = account;
    account.room("!dm:example.org", { otherMembers: [PERSON] });
    account.verification("verification-1", { otherUserId: PERSON, roomId: "!dm:example.org", initiatedByMe: true, phase: "ready" });
    await settle();
    account.verification("verification-1", { phase: "cancelled", cancellation: { code: "m.mismatched_sas`_x_\n", reason: "[click](https://evil.test)\n# now", byUs: false } });
    await settle();
    expect(notices().at(-1)).toMatchObject({ text: "🔐 Verification: ended without a result: click(https://evil.test) # now (`m.mismatched_sas_x_ `)." });
    expect(lines.at(-1)).toMatch(/ended without a result: \[click\]\(https:\/\/evil\.test\) # now \(m\.mismatched_sas`_x_ \)$/);
  });
});

describe("the request at a start", () => {
  const start = async (account: FakeAccount, config: Record<string, unknown>) => {
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const cfg = { channels: { matrix: { homeserver: "https://example.org", accessToken: "t", ...config } } };
    let pauses = 0;
    await verifyAtStart({
      account,
      resolved: resolveMatrixAccount(cfg as never, "default"),
      path: "channels.matrix",
      log: { info: write, warn: write, error: write },
      pause: async () => {
        pauses++;
        account.startup = { outcome: "asked" };
        return true;
      },
    });
    return { lines, pauses };
  };

  it("[VER-6] is made with the configured pause between two, an hour after a failure", async () => {
    const account = new FakeAccount();
    account.startup = { outcome: "asked" };
    const { lines } = await start(account, { encryption: true });
    expect(account.startups).toEqual([{ cooldownMs: 24 * 3_600_000, failureCooldownMs: 3_600_000 }]);
    expect(lines.join()).toContain('channels.matrix.startupVerification: "off" ends these requests');
    await start(account, { encryption: true, startupVerificationCooldownHours: 0.5 });
    expect(account.startups.at(-1)).toEqual({ cooldownMs: 1_800_000, failureCooldownMs: 1_800_000 });
  });

  it("[VER-6] is not made when it is off, nor without encryption", async () => {
    const account = new FakeAccount();
    await start(account, { encryption: true, startupVerification: "off" });
    await start(account, { encryption: false });
    expect(account.startups).toEqual([]);
  });

  it("[VER-6] waits for the homeserver, and gives up on anything else", async () => {
    const account = new FakeAccount();
    account.startup = new MatrixError("network", "no route");
    expect((await start(account, { encryption: true })).pauses).toBe(1);
    account.startup = new MatrixError("storage_failed", "the disk is full");
    const { lines, pauses } = await start(account, { encryption: true });
    expect(pauses).toBe(0);
    expect(lines.join()).toContain("the disk is full");
  });
});
