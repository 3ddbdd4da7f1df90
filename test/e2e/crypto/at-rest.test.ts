import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { say, World } from "./world.ts";

/** The files under a folder that hold one of these texts, as UTF-8 or UTF-16. */
function filesWith(folder: string, texts: string[]): string[] {
  const needles = texts.flatMap((text) => [Buffer.from(text, "utf8"), Buffer.from(text, "utf16le"), Buffer.from(Buffer.from(text).toString("base64").slice(0, -4))]);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => join(parentPath, name)).filter((file) => needles.some((needle) => readFileSync(file).includes(needle)));
}

describe("what lies on the disk", () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start();
  });
  afterAll(() => world.end());

  it.each([{ passphrase: undefined }, { passphrase: "a passphrase of many words" }])("[ENC-11] holds no message, no key and no token in the clear ($passphrase)", async ({ passphrase }) => {
    const ours = world.account(await world.user());
    ours.storePassphrase = passphrase;
    await ours.start();
    await ours.account.bootstrapEncryption({ forceResetCrossSigning: false });
    const key = (await ours.account.recoveryKey()) as string;
    const person = await world.person("matrix-js-sdk");
    const room = await world.room(person, ours);
    const [theirs, mine] = [say("said to it in confidence"), say("answered in confidence")];
    await person.send(room, theirs);
    await ours.waitFor(theirs);
    await ours.send(room, mine);
    await person.waitForMessage(ours.userId, mine);
    const secrets = [theirs, mine, key, key.replaceAll(" ", ""), ours.user.password, passphrase].filter((text) => text !== undefined);
    expect(filesWith(ours.stateDir, secrets), "while it runs").toEqual([]);
    await ours.close();
    expect(filesWith(ours.stateDir, secrets), "after it").toEqual([]);
    // What would be found if it were there.
    expect(filesWith(ours.stateDir, [ours.userId])).not.toEqual([]);
  });

  it("[ENC-11] does not open without the passphrase, nor with another, and says which key it is", async () => {
    const ours = world.account(await world.user());
    ours.storePassphrase = "the right one";
    await ours.start();
    const { deviceId } = ours.account.identity;
    await ours.close();
    for (const wrong of [undefined, "the wrong one"]) {
      ours.storePassphrase = wrong;
      const error = await ours.start().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "config_invalid", message: expect.stringContaining("storePassphrase") });
      expect(String(error)).not.toContain("the wrong one");
    }
    ours.storePassphrase = "the right one";
    await ours.start();
    expect(ours.account.identity.deviceId).toBe(deviceId);
  });
});
