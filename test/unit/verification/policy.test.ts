import { describe, expect, it } from "vitest";
import { resolveMatrixAccount } from "../../../ts/config/accounts.ts";
import { judgeVerification, type VerificationRules } from "../../../ts/verification/policy.ts";
import { FakeAccount } from "../support/fake-account.ts";

const PERSON = "@person:example.org";

function rules(dm: Record<string, unknown>, more: Partial<VerificationRules> = {}): VerificationRules {
  const cfg = { channels: { matrix: { homeserver: "https://example.org", accessToken: "t", encryption: true, dm } } };
  return { account: resolveMatrixAccount(cfg as never, "default"), path: "channels.matrix", owners: [], paired: async () => [], now: 1000, ...more };
}

const request = (change = {}) => new FakeAccount().verification("verification-1", { otherUserId: PERSON, canAccept: true, ...change });

describe("who may verify", () => {
  it("[VER-8] the account's own user, people in dm.allowFrom, the owner, and who was paired", async () => {
    expect(await judgeVerification(request({ isSelfVerification: true }), rules({}))).toEqual({ accept: true, why: "own-user" });
    expect(await judgeVerification(request(), rules({ allowFrom: [PERSON] }))).toEqual({ accept: true, why: "dm.allowFrom" });
    expect(await judgeVerification(request(), rules({}, { owners: [`matrix:${PERSON}`] }))).toEqual({ accept: true, why: "commands.ownerAllowFrom" });
    expect(await judgeVerification(request(), rules({}, { paired: async () => [PERSON] }))).toEqual({ accept: true, why: "pairing" });
  });

  it("[VER-8] nobody else, and the refusal says which key would allow it", async () => {
    const verdict = await judgeVerification(request(), rules({ policy: "open", allowFrom: ["*", "@Person:example.org"] }, { owners: ["telegram:7", "*"] }));
    expect(verdict).toMatchObject({ accept: false });
    const { hint } = verdict as { hint: string };
    expect(hint).toContain(`add "${PERSON}" to channels.matrix.dm.allowFrom`);
    expect(hint).toContain("openclaw matrix verify arm --for 10m --account default");
  });

  it("[VER-8] anybody while a window is open, and nobody after it", async () => {
    expect(await judgeVerification(request(), rules({}, { armedUntil: 1001 }))).toEqual({ accept: true, why: "armed" });
    expect(await judgeVerification(request(), rules({}, { armedUntil: 1000 }))).toMatchObject({ accept: false });
  });
});
