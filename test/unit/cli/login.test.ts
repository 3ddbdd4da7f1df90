import { describe, expect, it } from "vitest";
import { login } from "../../../ts/cli/login.ts";
import { logoutAccount } from "../../../ts/gateway/logout.ts";
import type { ConfigFile } from "../../../ts/host/config-file.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import { FakeAccount } from "../support/fake-account.ts";
import { FakeNative } from "../support/running.ts";

interface Cfg {
  channels: { matrix: Record<string, unknown> };
}

function rig(matrix: Record<string, unknown>) {
  let cfg: Cfg = { channels: { matrix } };
  const native = new FakeNative(() => new FakeAccount());
  const lines: string[] = [];
  const file: ConfigFile = {
    read: async () => cfg as never,
    edit: async (edit) => {
      cfg = edit(cfg as never) as never;
      return "/x/openclaw.json";
    },
  };
  return { native, lines, written: () => cfg.channels.matrix, around: { native: () => native, stateRoot: "/x", file }, request: { cfg, runtime: { log: (line: string) => lines.push(line) } } };
}

const prompt = { userCode: "ABCD-EFGH", verificationUri: "https://auth.test/link", verificationUriComplete: "https://auth.test/link?code=ABCD-EFGH", expiresInMs: 1_200_000 };
const identity = { userId: "@bot:example.org", deviceId: "NEW", homeserver: "https://example.org" };

describe("channels login and logout", () => {
  it("[AUT-9][HST-6] a login shows where to go, and leaves no older login in the configuration", async () => {
    const on = rig({ homeserver: "https://example.org", accessToken: "old", deviceId: "OLD", dm: { policy: "pairing" } });
    on.native.login = { prompt, identity };
    await login(on.request, on.around);
    expect(on.native.logins).toMatchObject([{ homeserver: "https://example.org", auth: { type: "stored" } }]);
    expect(JSON.stringify(on.native.logins)).not.toContain("old");
    expect(on.lines.join("\n")).toBe(
      "Open https://auth.test/link?code=ABCD-EFGH\nand see that it shows the code ABCD-EFGH.\nIt is good for 20 minutes. Waiting …\nLogged in as @bot:example.org on the device NEW.",
    );
    expect(on.written()).toEqual({ homeserver: "https://example.org", dm: { policy: "pairing" }, enabled: true, userId: "@bot:example.org" });
  });

  it("[AUT-9] without a homeserver it names the key; of an account that runs it names the logout; a refused one changes nothing", async () => {
    const none = rig({ accounts: { ops: {} } });
    await expect(login({ ...none.request, accountId: "ops" }, none.around)).rejects.toThrow("channels.matrix.accounts.ops.homeserver");
    const on = rig({ homeserver: "https://example.org", accessToken: "t" });
    on.native.login = new MatrixError("store_locked", "locked");
    await expect(login(on.request, on.around)).rejects.toThrow("openclaw channels logout --channel matrix --account default");
    on.native.login = { prompt: { ...prompt, verificationUriComplete: undefined }, identity: new MatrixError("auth_failed", "the login was refused") };
    await expect(login(on.request, on.around)).rejects.toThrow("the login was refused");
    expect(on.lines[1]).toBe("and enter the code ABCD-EFGH.");
    expect(on.written()).toEqual({ homeserver: "https://example.org", accessToken: "t" });
  });

  it("[HST-6] a logout ends the session and takes the login out of the configuration, unless the homeserver cannot be told", async () => {
    const on = rig({ homeserver: "https://example.org", userId: "@bot:example.org", password: "p" });
    on.native.loggedOut = new MatrixError("network", "down");
    await expect(logoutAccount({ ...on.request, accountId: "default" }, on.around)).rejects.toThrow("down");
    expect(on.written().password).toBe("p");
    on.native.loggedOut = { revoked: true, hadSession: true, putAway: "/x/aside/1", foreignDevice: false };
    expect(await logoutAccount({ ...on.request, accountId: "default" }, on.around)).toEqual({ cleared: true, loggedOut: true });
    expect(on.written()).toEqual({ homeserver: "https://example.org", userId: "@bot:example.org" });
    expect(on.lines).toEqual(["Taken out of the configuration: channels.matrix.password.", "The device's encryption store is in /x/aside/1; delete it when you are sure."]);
  });
});
