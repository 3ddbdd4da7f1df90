import { afterEach, describe, expect, it } from "vitest";
import type { InboundMessage } from "../../../ts/native/account.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import type { SenderTrust } from "../../../ts/native/trust.ts";
import { ALICE, DM, run, type Running } from "../support/running.ts";

let running: Running | undefined;

function start(trust: Record<string, unknown>): Running {
  running = run({ matrix: { dm: { policy: "open", allowFrom: ["*"] }, trust } });
  running.account.room(DM, { directTargets: [ALICE], otherMembers: [ALICE], encrypted: true });
  return running;
}

afterEach(async () => {
  await running?.stop();
  running = undefined;
});

const from = (senderTrust?: SenderTrust): Partial<InboundMessage> => ({
  roomId: DM,
  sender: ALICE,
  ...(senderTrust === undefined ? { encrypted: false } : { encrypted: true, senderTrust, sessionId: "session" }),
});

/** Says something and waits until the event is finished; the answers it got. */
async function say(on: Running, event: Partial<InboundMessage>): Promise<string[]> {
  const before = on.account.texts().length;
  const pushed = on.account.say("hello", event);
  await on.account.until(() => ["settled", "dead"].includes(on.account.stateOf(pushed) ?? ""));
  return on.account.texts().slice(before);
}

describe("trust.receive", () => {
  it("[ENC-12] any answers every device, without asking about it", async () => {
    const on = start({});
    for (const trust of ["verified", "cross-signed", "unsigned", "unknown", undefined] as const) {
      expect(await say(on, from(trust)), String(trust)).toEqual(["echo: hello"]);
    }
    expect(on.account.checks).toEqual([]);
  });

  it("[ENC-12] cross-signed answers devices that their owners have signed", async () => {
    const on = start({ receive: "cross-signed" });
    for (const trust of ["verified", "cross-signed"] as const) expect(await say(on, from(trust))).toEqual(["echo: hello"]);
    expect(on.account.checks).toEqual([]);
    for (const trust of ["unsigned", "unknown"] as const) expect(await say(on, from(trust)), trust).toEqual([]);
    expect(on.log.join("\n")).toMatch(/sender_not_cross_signed: unsigned\); channels\.matrix\.trust\.receive is "cross-signed"; the sender has to verify/);
    expect(on.log.join("\n")).toMatch(/sender_not_cross_signed: unknown\); channels\.matrix\.trust\.receive/);
  });

  it("[ENC-12] cross-signed asks anew about a device that was not known when it wrote", async () => {
    const on = start({ receive: "cross-signed" });
    on.account.senders.set(ALICE, { trust: "cross-signed" });
    expect(await say(on, from("unknown"))).toEqual(["echo: hello"]);
    expect(on.account.checks).toEqual([{ roomId: DM, userId: ALICE, sessionId: "session" }]);
    on.account.senders.set(ALICE, { trust: "unsigned" });
    expect(await say(on, from("unknown"))).toEqual([]);
  });

  it("[ENC-12] a message is tried again, not dropped, while the homeserver cannot be asked", async () => {
    const on = start({ receive: "cross-signed" });
    on.account.senders.set(ALICE, { trust: "cross-signed" });
    on.account.senderError = new MatrixError("network", "the homeserver has trouble");
    expect(await say(on, from("unknown"))).toEqual(["echo: hello"]);
    expect(on.log.join("\n")).toMatch(/the homeserver has trouble; it will be tried again/);
  });

  it("[ENC-12] cross-signed does not take a message in the clear in an encrypted room, and does in an unencrypted one", async () => {
    const on = start({ receive: "cross-signed" });
    expect(await say(on, from())).toEqual([]);
    expect(on.log.join("\n")).toMatch(/sent_in_clear\); channels\.matrix\.trust\.receive/);
    on.account.room(DM, { directTargets: [ALICE], otherMembers: [ALICE], encrypted: false });
    expect(await say(on, from())).toEqual(["echo: hello"]);
  });
});

describe("trust.onIdentityChange", () => {
  const changed = { changedIdentities: [{ userId: ALICE, wasVerified: false }] };

  it("[ENC-12] warn answers, and says so once in the log", async () => {
    const on = start({});
    on.account.senders.set(ALICE, { identityChanged: true });
    on.account.setHealth(changed);
    on.account.setHealth(changed);
    expect(await say(on, from("cross-signed"))).toEqual(["echo: hello"]);
    const said = on.log.filter((line) => line.includes("the identity of"));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^warn \[default\] the identity of @alice:example\.org has changed; they are answered all the same\. .*`openclaw matrix verify acknowledge @alice:example\.org --account default`/);
  });

  it("[ENC-12] block does not answer until it is accepted", async () => {
    const on = start({ onIdentityChange: "block" });
    on.account.senders.set(ALICE, { trust: "unsigned", identityChanged: true });
    on.account.setHealth(changed);
    expect(await say(on, from("unsigned"))).toEqual([]);
    expect(await say(on, from("cross-signed"))).toEqual([]);
    expect(on.account.checks.map(({ sessionId }) => sessionId), "a device that is not signed may belong to a new identity").toEqual(["session", undefined]);
    expect(on.log.join("\n")).toMatch(/identity_changed\); channels\.matrix\.trust\.onIdentityChange is "block"; `openclaw channels status` says whose.*verify acknowledge/);
    await on.account.acknowledgeIdentity(ALICE);
    expect(await say(on, from("cross-signed"))).toEqual(["echo: hello"]);
  });
});

describe("trust.approvals", () => {
  it("[ENC-12][APR-6] verified takes /approve from a verified device in an encrypted message alone, and nothing but /approve", async () => {
    const on = start({ approvals: "verified" });
    const approve = { text: "/approve 1111 deny", body: "/approve 1111 deny" };
    for (const trust of ["cross-signed", "unsigned", undefined] as const) {
      expect(await say(on, { ...from(trust), ...approve }), String(trust)).toEqual([]);
    }
    expect(on.log.join("\n")).toMatch(/approval_not_verified: cross-signed\); channels\.matrix\.trust\.approvals is "verified"/);
    expect(await say(on, { ...from("verified"), ...approve })).toEqual(["echo: /approve 1111 deny"]);
    expect(await say(on, from("unsigned"))).toEqual(["echo: hello"]);
  });
});
