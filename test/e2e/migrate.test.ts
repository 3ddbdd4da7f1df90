import { afterAll, describe, expect, it } from "vitest";
import { loadNative } from "../../ts/native/load.ts";
import type { MigrateReport } from "../../ts/cli/migrate.ts";
import { accountOptions } from "../support/account-options.ts";
import { installPacked } from "../support/installed.ts";
import { leaveOfficialState } from "../support/official-state.ts";
import { makeTempDir, removeDir, until } from "../support/process.ts";
import { type Bot, question, Scenario } from "./scenario.ts";

describe("taking over from the official plugin", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  const folders: string[] = [];
  afterAll(async () => {
    await scenario.end();
    for (const folder of folders) removeDir(folder);
  });

  /** Room keys in the user's backup. */
  async function backedUp(bot: Bot): Promise<number> {
    const { homeserver, accessToken } = await rig.homeserver.login(bot.userId, bot.password, "look");
    const ask = (method: string, path: string) => fetch(`${homeserver}/_matrix/client/v3/${path}`, { method, headers: { authorization: `Bearer ${accessToken}` } });
    const { count } = (await (await ask("GET", "room_keys/version")).json()) as { count?: number };
    await ask("POST", "logout");
    return count ?? 0;
  }

  it("[MIG-3] a new device, verified with the recovery key that was kept there, answers in the same encrypted room", async () => {
    // The former device: another one of the user, with an identity, a backup and a room key that only it and the backup have.
    const bot = await scenario.reserve("migrant");
    const person = await scenario.person("matrix-nio");
    const { home, rootDir } = installPacked();
    const stateDir = makeTempDir("former");
    folders.push(home, stateDir);
    const login = { type: "password", userId: bot.userId, password: bot.password } as const;
    const former = await loadNative(rootDir).openAccount(accountOptions(rig.homeserver.baseUrl, stateDir, { auth: login }));
    former.start();
    await former.bootstrapEncryption({ forceResetCrossSigning: false });
    const recoveryKey = await former.recoveryKey();
    const room = await person.createDm(bot.userId, { encrypted: true });
    await former.joinRoom(room);
    await person.waitForMember(room, bot.userId);
    const early = question();
    await person.send(room, early.text);
    for await (const batch of former.batches()) {
      await former.settle(batch.map(({ seq }) => seq));
      if (JSON.stringify(batch).includes(early.marker)) break;
    }
    await until("the room key to be in the backup", 60_000, async () => (await backedUp(bot)) > 0);
    const { deviceId } = former.identity;
    await former.close();

    leaveOfficialState(rig.home.stateDir, {
      accountId: bot.accountId,
      userId: bot.userId,
      deviceId,
      homeserver: rig.homeserver.baseUrl,
      accessToken: "syt_of_the_official_plugin",
      recoveryKey,
      recoveryKeyBytes: Buffer.alloc(32, 1).toString("base64"),
      bindings: 1,
    });

    scenario.configure(bot.accountId, scenario.settings({ userId: bot.userId, password: bot.password }));
    await rig.gateway.waitForLog(new RegExp(`\\[${bot.accountId}\\] @\\S+ on `), { timeoutMs: 180_000 });
    const output = await rig.home.run(["matrix", "migrate", "--account", bot.accountId, "--json"]);
    expect(output).not.toContain(recoveryKey);
    const report = JSON.parse(output.slice(output.indexOf("{"))) as MigrateReport;
    expect(report).toMatchObject({
      success: true,
      former: { userId: bot.userId, deviceId, recoveryKeyStored: true, bindings: 1 },
      setup: { status: { crossSigningVerified: true, backup: { issue: "ok" } } },
    });
    expect(report.setup?.status.deviceId).not.toBe(deviceId);
    // What was said to the former device can be read here, too.
    expect(report.restored?.imported).toBeGreaterThan(0);
    // Its identity is the user's own still: nobody has to verify anew.
    expect(report.setup?.bootstrap.changed).toMatchObject({ identityCreated: false, identityReplaced: false, deviceSigned: true });

    await scenario.ask(person, room, bot);
    await scenario.expectSilence(early, person);
  });
});
