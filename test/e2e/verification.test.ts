import { afterAll, describe, expect, it } from "vitest";
import type { VerificationReport } from "../../ts/operations/verification-report.ts";
import type { JsSdkHuman } from "../support/humans/index.ts";
import { until } from "../support/process.ts";
import { type Bot, question, Scenario } from "./scenario.ts";

const LONG = { timeout: 480_000 };
const WAIT_MS = 90_000;

describe("verification through the gateway", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  afterAll(() => scenario.end());

  const matrix = <T>(bot: Bot, ...words: string[]): Promise<T> => scenario.matrix<T>(bot, words);

  const browser = async (bot?: Bot): Promise<JsSdkHuman> => {
    const credentials = bot && (await rig.homeserver.login(bot.userId, bot.password, "Element"));
    const person = (await scenario.person("matrix-js-sdk", "person", credentials)) as JsSdkHuman;
    await person.verifications.setUp(credentials?.password ?? person.credentials.password);
    return person;
  };

  const bot = async (name: string, extra: Record<string, unknown> = {}): Promise<Bot> => {
    const made = await scenario.addBot(name, { streaming: { mode: "off" }, ...extra });
    await rig.gateway.waitForLog(new RegExp(`\\[${made.accountId}\\] @\\S+ on `), { timeoutMs: WAIT_MS });
    return made;
  };

  /** In the order they were sent: a client may decrypt them in another. */
  const notices = (person: JsSdkHuman, { userId }: Bot): string[] =>
    person.events
      .filter(({ sender, content, body }) => sender === userId && content.msgtype === "m.notice" && body.includes("Verification"))
      .toSorted((one, other) => one.originServerTs - other.originServerTs)
      .map(({ body }) => body);

  it("[VER-5] [VER-7] a person verifies with the bot in their direct message, the operator confirms with the commands, and the agent hears nothing of it", LONG, async () => {
    const person = await browser();
    const agent = await bot("verify", { dm: { policy: "allowlist", allowFrom: [person.userId] } });
    await matrix(agent, "encryption", "setup");
    const room = await scenario.openDm(person, agent, { encrypted: true });
    await scenario.ask(person, room, agent);

    const theirs = await person.verifications.ask(agent.userId, room);
    const listed = await matrix<VerificationReport[]>(agent, "verify", "list");
    expect(listed).toMatchObject([{ otherUserId: person.userId, roomId: room, initiatedByMe: false, isSelfVerification: false }]);
    const id = listed[0]?.id ?? "";
    // From here on either side waits a minute for the other.
    const { emoji, decimal } = await theirs.begin();
    const shown = await matrix<{ decimal: number[]; emoji: [string, string][] }>(agent, "verify", "sas", id);
    expect(shown.emoji.map(([symbol]) => symbol).join(" ")).toBe(emoji);
    expect(shown.decimal.join(" ")).toBe(decimal);
    await theirs.confirm();
    // Nothing confirms our side but the command.
    expect(await matrix(agent, "verify", "confirm-sas", id)).toMatchObject({ id, hasSas: false });
    await theirs.done();
    await until("the person to trust the bot", WAIT_MS, () => person.verifications.isVerified(agent.userId));
    await person.waitForMessage(agent.userId, "Verification: done");
    const told = notices(person, agent);
    expect(told.map((text) => text.split("\n")[0]?.slice(0, 60))).toEqual([
      expect.stringContaining("you asked me to verify"),
      expect.stringContaining("both sides are ready"),
      ...(told.length === 5 ? [expect.stringContaining("the comparison begins")] : []),
      expect.stringContaining("compare with what your app shows"),
      expect.stringContaining("done"),
    ]);
    expect(told.find((text) => text.includes("compare with"))).toContain(decimal);

    const asked = question("What was said here?");
    await scenario.ask(person, room, agent, asked);
    const prompts = JSON.stringify(await rig.model.prompts(asked.marker));
    for (const secret of [decimal, "Verification:", "m.key.verification"]) expect(prompts).not.toContain(secret);
  });

  it("[VER-8] a stranger's request is refused with the key that would allow it; an armed window opens and closes", LONG, async () => {
    const [stranger, agent] = await Promise.all([browser(), bot("strangers")]);
    await matrix(agent, "encryption", "setup");
    const room = await scenario.openDm(stranger, agent, { encrypted: true });
    const refused = await stranger.verifications.ask(agent.userId, room);
    expect(await refused.cancelled()).toBe("m.user");
    await rig.gateway.waitForLog(new RegExp(`\\[${agent.accountId}\\].*${stranger.userId}.* was refused; .*accounts\\.${agent.accountId}\\.dm\\.allowFrom.*verify arm`));
    expect(notices(stranger, agent)).toEqual([]);

    expect(await matrix(agent, "verify", "arm", "--for", "10m")).toMatchObject({ armed: true });
    const welcome = await stranger.verifications.ask(agent.userId, room);
    await welcome.begin();
    await stranger.waitForMessage(agent.userId, "compare with what your app shows");
    const listed = await matrix<VerificationReport[]>(agent, "verify", "list");
    const id = listed.at(-1)?.id ?? "";
    expect(await matrix(agent, "verify", "mismatch-sas", id)).toMatchObject({ phaseName: "cancelled", pending: false });
    expect(await welcome.cancelled()).toBe("m.mismatched_sas");

    expect(await matrix(agent, "verify", "arm", "--off")).toEqual({ armed: false, until: null });
    const late = await stranger.verifications.ask(agent.userId, room);
    expect(await late.cancelled()).toBe("m.user");
  });

  it("[VER-6] [VER-4] an unverified account asks its other devices once, over a restart too; verify self then verifies it", LONG, async () => {
    const made = await scenario.reserve("startup");
    const owner = await browser(made);
    scenario.configure(made.accountId, scenario.settings({ userId: made.userId, password: made.password }));
    const asked = await owner.verifications.next(made.userId, { timeoutMs: WAIT_MS });
    const device = asked.request.otherDeviceId ?? "";
    await asked.cancel();
    await scenario.reconfigure(made.accountId, (settings) => (settings.readReceipts = "off"));

    // The next request is the command's: the restart made none.
    const self = scenario.command(made, ["verify", "self"], { input: "yes\n" });
    const request = await owner.verifications.next(made.userId, { after: 1, timeoutMs: WAIT_MS });
    await request.accept();
    const shown = await request.compare();
    await request.confirm();
    const { code, stdout, stderr } = await self;
    expect(stderr).toBe("");
    expect(stdout).toContain(shown.decimal);
    expect(stdout).toContain("Verified: this device is signed");
    expect(code).toBe(0);
    expect(owner.verifications.received).toHaveLength(2);
    await until("the owner's client to see the device verified", WAIT_MS, () => owner.encryption.verified(device), 500);
    expect(await matrix(made, "verify", "status")).toMatchObject({ verified: true, pendingVerifications: 0, backup: { issue: "ok" } });
    // No room was made to talk to oneself.
    expect(owner.sdk.getRooms()).toEqual([]);
  });

  it('[VER-6] startupVerification: "off" asks nobody', LONG, async () => {
    const made = await scenario.reserve("quiet");
    const owner = await browser(made);
    scenario.configure(made.accountId, scenario.settings({ userId: made.userId, password: made.password, startupVerification: "off" }));
    await rig.gateway.waitForLog(new RegExp(`\\[${made.accountId}\\] @\\S+ on `), { timeoutMs: WAIT_MS });
    // What the account is asked for later comes after anything it would have done at its start.
    expect(await matrix(made, "verify", "status")).toMatchObject({ verified: false });
    expect(await matrix<VerificationReport>(made, "verify", "request", "--own-user")).toMatchObject({ isSelfVerification: true, phaseName: "requested" });
    await owner.verifications.next(made.userId);
    expect(owner.verifications.received).toHaveLength(1);
  });
});
