import { describe, expect, it } from "vitest";
import { setUpEncryption } from "../../../ts/setup/after-write.ts";

function rig(encryption: boolean, answers: (Record<string, unknown> | Error)[]) {
  const lines: string[] = [];
  const asked: unknown[] = [];
  const cfg = { channels: { matrix: { accounts: { ops: { homeserver: "https://hs", accessToken: "t", encryption } } } } } as never;
  const call = async (method: string, _options: unknown, params: unknown) => {
    asked.push([method, params]);
    const next = answers.shift() ?? new Error("asked once more");
    if (next instanceof Error) throw next;
    return next;
  };
  return { lines, asked, run: () => setUpEncryption({ cfg, accountId: "Ops", runtime: { log: (line) => lines.push(line) } }, call as never, 1) };
}

const refused = Object.assign(new Error("The Matrix account \"ops\" is not running"), { name: "GatewayClientRequestError" });
const absent = Object.assign(new Error("connect ECONNREFUSED"), { name: "GatewayTransportError", kind: "closed", connectionDetails: {} });

describe("after the wizard", () => {
  it("[WIZ-8] an account with encryption has it set up by the gateway, which may need a moment to start it", async () => {
    const on = rig(true, [refused, { success: true }]);
    await on.run();
    expect(on.asked).toEqual(Array.from({ length: 2 }, () => ["matrix.encryption.setup", { accountId: "ops" }]));
    expect(on.lines).toEqual(["Matrix encryption is set up."]);
  });

  it("[WIZ-8] what failed, and a gateway that is not there, name the command; without encryption nothing is asked", async () => {
    const failed = rig(true, [{ success: false, error: "The recovery key is needed." }]);
    await failed.run();
    expect(failed.lines[0]).toBe("Matrix encryption is not set up: The recovery key is needed. Try again with `openclaw matrix encryption setup --account ops`.");
    const alone = rig(true, [absent]);
    await alone.run();
    expect(alone.lines[0]).toContain("openclaw matrix encryption setup --account ops");
    const without = rig(false, []);
    await without.run();
    expect(without.asked).toEqual([]);
  });
});
