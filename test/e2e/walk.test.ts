import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { root } from "../../scripts/rig/toolchain.mjs";
import { OPENCLAW } from "../support/gateway/home.ts";
import { until } from "../support/process.ts";
import { Terminal } from "../support/terminal.ts";
import { EncryptionScenario } from "./encryption-scenario.ts";

const WAIT_MS = 90_000;

/** What stands in the page for what is another each time, or nobody's business. */
const PAGE_KEY = "EsTj 3yST y93F SLpB jJsz eAXc 2XzA ygD3 w69H fGaN TKBj jXEd";
const PAGE_SAS = ["Emoji:   🐶 Dog  🔑 Key  🎩 Hat  🚂 Train  🌵 Cactus  🍕 Pizza  ⚓ Anchor", "Numbers: 4711 1867 8128"];

/** A person's walk; the page is written by \`npm test -- --tier e2e -- test/e2e/walk.test.ts -u\`. */
const page = (setup: string, self: string, status: string): string => `# From nothing to verified

<!-- Written by test/e2e/walk.test.ts, which walks it; names, keys and emoji are replaced. -->

The account \`ops\` runs, and nothing of its encryption is set up yet. One command does that, from whatever state it is in:

\`\`\`console
${setup}
\`\`\`

Put the recovery key where you keep such things. The account's owner now logs in as the same user in another client, Element say, which wants to be verified; or they have one that asks who this new device is. Run this, and accept the request that comes up there:

\`\`\`console
${self}
\`\`\`

The other client shows seven emoji as well. They were the same: \`yes\` here, "They match" there. Both devices are verified now, and the account is as it should be:

\`\`\`console
${status}
\`\`\`

What each line means, and what to do when it says something else: [encryption.md](encryption.md).
`;

const scenario = new EncryptionScenario();
const { rig } = scenario;
afterAll(() => scenario.end());

it("[VER-4][ENC-2][VER-1] a person's walk in a terminal: set up, emoji with a second client, status green; it stands in the documentation", { timeout: 400_000 }, async () => {
  const bot = await scenario.bot("walk", { encryption: false });
  const words = (command: string): string[] => ["matrix", ...command.split(" "), "--account", bot.accountId];
  const typed = (command: string): Terminal => new Terminal([process.execPath, OPENCLAW, ...words(command)], { env: rig.home.env, cwd: rig.home.dir });

  const log = (await rig.gateway.log()).length;
  const setup = await typed("encryption setup").succeeds();
  const key = /^Recovery key: (.+)$/m.exec(setup)?.[1] ?? "";
  expect(key).toMatch(/^(\w{4} ){11}\w{4}$/);
  await rig.gateway.waitForLog(new RegExp(`hot reload applied.*accounts\\.${bot.accountId}[^]*\\[${bot.accountId}\\] @\\S+ on `), { after: log });
  await scenario.running(bot);

  const owner = await scenario.element(bot);
  expect(await owner.encryption.verified(), "the second client, before").toBe(false);
  const self = typed("verify self");
  await self.shows(/Accept the request there/);
  const request = await owner.verifications.next(bot.userId, { timeoutMs: WAIT_MS });
  await request.accept();
  const compared = await request.compare();
  await self.shows(/Type yes/);
  expect(self.screen).toContain(compared.decimal);
  for (const symbol of compared.emoji.split(" ")) expect(self.screen).toContain(symbol);
  self.type("yes");
  await request.confirm();
  await request.done();
  const verified = await self.succeeds();
  expect(verified).toContain("Verified: this device is signed by the account's own cross-signing identity.");
  await until("the second client to be verified", WAIT_MS, () => owner.encryption.verified(), 500);

  const status = await typed("verify status").succeeds();
  const report = await scenario.report(bot, "verify status");
  expect(report).toMatchObject({ verified: true, crossSigningVerified: true, signedByOwner: true, backup: { issue: "ok" }, recoveryKeyStored: true });

  const replaced = (text: string): string =>
    text
      .replaceAll(key, PAGE_KEY)
      .replace(/^Emoji: .*$/m, PAGE_SAS[0] as string)
      .replace(/^Numbers: .*$/m, PAGE_SAS[1] as string)
      .replaceAll(owner.credentials.deviceId, "PHONEDEVICE")
      .replaceAll(report.deviceId, "OPSDEVICE")
      .replaceAll(bot.userId, "@ops:example.org")
      .replaceAll(bot.accountId, "ops")
      .replaceAll(/verification-\d+/g, "verification-1")
      .replaceAll(/\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d/g, "2026-01-02$103:04:05");
  // The host first shows that it loads, who it is, and a saying of the day.
  const said = (screen: string): string => screen.replace(/^[^]*?^OpenClaw \d\S* \(.*\n/m, "").trim();
  const shown = (command: string, screen: string): string => replaced(`$ openclaw ${words(command).join(" ")}\n${said(screen)}`);
  const text = page(shown("encryption setup", setup), shown("verify self", verified), shown("verify status", status));
  for (const secret of [key, bot.password, bot.accountId, report.deviceId]) expect(text).not.toContain(secret);
  await expect(text).toMatchFileSnapshot(join(root, "docs", "walk.md"));
});
