import { describe, expect, it } from "vitest";
import type { CommandHost } from "../../../ts/cli/run.ts";
import { verifyAcknowledge } from "../../../ts/cli/verify-acknowledge.ts";
import { verifyAcknowledgeOperation } from "../../../ts/operations/verify-acknowledge.ts";
import { FakeAccount } from "../support/fake-account.ts";
import { FakeNative, LOGIN } from "../support/running.ts";

const PERSON = "@person:example.org";

/** A host without a gateway. */
function alone(account: FakeAccount): CommandHost {
  const native = new FakeNative(() => account);
  return {
    cfg: { channels: { matrix: LOGIN } },
    native: () => native,
    stateRoot: "/nonexistent",
    call: async () => {
      throw Object.assign(new Error("gateway closed"), { name: "GatewayTransportError", kind: "closed", connectionDetails: {} });
    },
  };
}

describe("matrix verify acknowledge", () => {
  it("[ENC-12] accepts an identity that changed, and says when there is nothing to accept", async () => {
    const account = new FakeAccount();
    account.senders.set(PERSON, { identityChanged: true });
    const done = await verifyAcknowledge(alone(account), {}, [PERSON]);
    expect(done.json).toEqual({ success: true, userId: PERSON, acknowledged: true });
    expect(done.lines).toEqual([`Accepted: ${PERSON} is taken at their new identity.`]);
    const known = new FakeAccount();
    const again = await verifyAcknowledge(alone(known), {}, [PERSON]);
    expect(again).toMatchObject({ json: { acknowledged: false }, exitCode: 0 });
    expect(again.lines).toEqual([`Nothing to accept: the identity of ${PERSON} has not changed.`]);
  });

  it("[ENC-12] wants a whole user id", () => {
    expect(() => verifyAcknowledgeOperation.read({ userId: "person" })).toThrow(/"person" is no user id; write it in full, like @person:example\.org/);
    expect(() => verifyAcknowledgeOperation.read({})).toThrow(/`userId` is missing/);
  });
});
