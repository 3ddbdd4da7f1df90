import { describe, expect, it } from "vitest";
import type { Waiting } from "../../../ts/cli/approval.ts";
import { encryptionSetup } from "../../../ts/cli/encryption-setup.ts";
import { verifyBootstrap } from "../../../ts/cli/verify-bootstrap.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import { alone, file } from "../support/commands.ts";
import { FakeAccount } from "../support/fake-account.ts";
import { LOGIN } from "../support/running.ts";

const LINK = "https://account.example.org/?action=reset";
const WANTED = new MatrixError("approval_required", `the account's owner has to approve it: open ${LINK} and approve, then run this again within ten minutes`);

/** An account whose owner approves after some tries, and a person whose clock the pauses move on. */
function wanting(tries: number) {
  const account = new FakeAccount();
  account.bootstrapped = WANTED;
  // Each try opens it again.
  account.close = async () => undefined;
  const said: string[] = [];
  let now = 0;
  const waiting: Waiting = {
    tell: (line) => void said.push(line),
    pause: async (ms) => {
      now += ms;
      if (account.setups.length >= tries) account.bootstrapped = { identityReplaced: true, deviceSigned: true };
    },
    now: () => now,
  };
  return { account, said, host: { ...alone(account).host, waiting }, elapsed: () => now };
}

describe("an approval in a browser", () => {
  it.each([
    ["verify bootstrap", (host: ReturnType<typeof wanting>["host"]) => verifyBootstrap(host, { forceResetCrossSigning: true })],
    ["encryption setup", (host: ReturnType<typeof wanting>["host"]) => encryptionSetup(host, { forceResetCrossSigning: true }, [], file({ ...LOGIN }))],
  ])("[ENC-3] `%s` shows the link at once and goes on when the owner has approved", async (_command, run) => {
    const { host, said, account } = wanting(3);
    const outcome = await run(host);
    expect(outcome).toMatchObject({ exitCode: 0, json: { success: true } });
    expect(account.setups).toHaveLength(4);
    expect(said).toEqual([expect.stringMatching(/^Approval needed: .*https:\/\/account\.example\.org.*\.$/), expect.stringContaining("goes on by itself")]);
  });

  it("[ENC-3] it is not waited for longer than it counts, and then said what to do", async () => {
    const { host, elapsed } = wanting(Infinity);
    const outcome = await verifyBootstrap(host, {});
    expect(outcome).toMatchObject({ exitCode: 1, json: { success: false, code: "approval_required" } });
    expect(outcome.lines.join("\n")).toContain(LINK);
    expect(elapsed()).toBe(600_000);
  });

  it("[ENC-3] a script gets code and link without waiting", async () => {
    const { host, account, said } = wanting(1);
    expect(await verifyBootstrap(host, { json: true })).toMatchObject({ exitCode: 1, json: { code: "approval_required", error: expect.stringContaining(LINK) } });
    expect(account.setups).toHaveLength(1);
    expect(said).toEqual([]);
  });

  it("[ENC-3] what is refused for another reason is not tried again", async () => {
    const { host, account } = wanting(1);
    account.bootstrapped = new MatrixError("auth_failed", "the homeserver does not accept `password`");
    expect((await verifyBootstrap(host, {})).exitCode).toBe(1);
    expect(account.setups).toHaveLength(1);
  });
});
