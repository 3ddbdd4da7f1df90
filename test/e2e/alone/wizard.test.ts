import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DOWN, ENTER, type Step, atTerminal, UP } from "../../support/terminal.ts";
import { makeRoom } from "../plain-rooms.ts";
import { ANSWER_MS, type Bot, type Human, Scenario } from "../scenario.ts";

describe("the questions of `openclaw channels add`", () => {
  const scenario = new Scenario();
  const { rig } = scenario;
  let alice: Human;
  let room: string;
  beforeAll(async () => {
    // Who has an owner already is not asked for one; the host makes the first person whose pairing is approved the owner.
    rig.home.patch((config) => delete config.commands);
    alice = await scenario.person("matrix-js-sdk", "wizalice");
    room = await makeRoom(alice, { name: "Set up" });
  });
  afterAll(async () => {
    rig.home.patch((config) => {
      delete config.commands;
      delete config.bindings;
    });
    await scenario.end();
  });

  const written = (accountId: string) => (rig.home.readConfig().channels?.matrix?.accounts as Record<string, Record<string, unknown>> | undefined)?.[accountId];

  /** Down to the channel, and to a new account of it. */
  function toNewAccount(name: string): Step[] {
    return [
      [/Set up a chat channel now\?|Select a channel/, ENTER],
      [/Select a channel/, `${DOWN.repeat(9)}${ENTER}`],
      [/Matrix already configured/, ENTER],
      [/Which Matrix account\?/, `${UP}${ENTER}`],
      [/Name of the new account/, `${name}${ENTER}`],
    ];
  }

  const toTheEnd: Step[] = [
    [/Select a channel/, `${UP}${ENTER}`],
    [/Configure DM access policies now/, ENTER],
  ];

  it("[WIZ-1][WIZ-3][WIZ-4][WIZ-5][WIZ-6][WIZ-7][WIZ-8][WIZ-9][WIZ-10][WIZ-15] a person is asked everything, and the account is written whole, starts, and is verified", async () => {
    const { userId, password } = await scenario.reserve("wizard");
    const bot: Bot = { accountId: "ops-bot", userId, password };
    scenario.adopt(bot.accountId);
    // Something is configured already, and stays as it is.
    scenario.configure("other", { enabled: false, homeserver: "https://matrix.example.org", accessToken: "syt_other" });
    const before = rig.home.readConfig().channels?.matrix?.accounts ?? {};
    const text = await atTerminal(rig.home, ["channels", "add"], [
      ...toNewAccount("Ops Bot"),
      [/URL of the homeserver/, `http://matrix.org${ENTER}`],
      [/http: homeserver is possible on a private network only[^]*URL of the homeserver/, `${rig.homeserver.baseUrl}${ENTER}`],
      [/private network\. Allow it/, ENTER],
      [/How does the bot log in/, ENTER],
      [/User id/, `bot${ENTER}`],
      [/Write it in full/, `${"\u007f".repeat(3)}${userId}${ENTER}`],
      [/Password/, `${password}${ENTER}`],
      [/Name of the device/, ENTER],
      [/Take part in encrypted rooms/, "y"],
      [/Who may write to the bot directly/, `${alice.userId}${ENTER}`],
      [/In which rooms does the bot answer/, ENTER],
      [/Rooms, by id or alias/, `${room}${ENTER}`],
      [/Who may ask it in rooms/, ENTER],
      [/Which invites does the bot accept/, ENTER],
      [/Rooms whose invites it accepts/, ENTER],
      ...toTheEnd,
      [/Set up administration from your own chat account/, `${UP}${ENTER}`],
      [/Your personal Matrix user ID/, `${alice.userId}${ENTER}`],
      [/allow matrix:\S+ to administer/, "y"],
      [/Name these channel accounts now/, ENTER],
      [/Route these channel accounts to agents now/, "n"],
    ]);
    expect(text).toContain("Matrix encryption is set up.");
    expect(text).not.toContain(password);
    expect(written(bot.accountId)).toEqual({
      enabled: true,
      homeserver: rig.homeserver.baseUrl,
      network: { dangerouslyAllowPrivateNetwork: true },
      userId,
      password,
      encryption: true,
      dm: { policy: "allowlist", allowFrom: [alice.userId] },
      groupPolicy: "allowlist",
      groups: { [room]: {} },
      groupAllowFrom: [alice.userId],
      autoJoin: "allowlist",
      autoJoinAllowlist: [room],
    });
    const { [bot.accountId]: _new, ...others } = (rig.home.readConfig().channels?.matrix?.accounts ?? {}) as Record<string, unknown>;
    expect(others).toEqual(before);
    expect(rig.home.readConfig().commands).toMatchObject({ ownerAllowFrom: [`matrix:${alice.userId}`] });
    const status = await scenario.call<{ identity?: unknown; verified?: boolean }>("matrix.verify.status", { accountId: bot.accountId });
    expect(status).toMatchObject({ userId });
    const keys = await alice.request<{ master_keys: Record<string, unknown> }>("POST", "v3/keys/query", { device_keys: { [userId]: [] } });
    expect(Object.keys(keys.master_keys)).toContain(userId);
    await alice.invite(room, userId);
    await alice.waitForMember(room, userId, { timeoutMs: ANSWER_MS });
  });

  it("[WIZ-2][AUT-4] a login that stands in the environment is taken from there, and none of it is written down", async () => {
    const user = await rig.homeserver.register("wizenv");
    scenario.adopt("wizenv");
    const env = { MATRIX_WIZENV_HOMESERVER: rig.homeserver.baseUrl, MATRIX_WIZENV_ACCESS_TOKEN: user.accessToken };
    await atTerminal(
      rig.home,
      ["channels", "add"],
      [
        ...toNewAccount("wizenv"),
        [/environment/, ENTER],
        [/private network\. Allow it/, ENTER],
        [/Name of the device/, ENTER],
        [/Take part in encrypted rooms/, "n"],
        [/Who may write to the bot directly/, ENTER],
        [/In which rooms does the bot answer/, `${UP}${ENTER}`],
        [/Which invites does the bot accept/, `${UP}${ENTER}`],
        ...toTheEnd,
        [/Name these channel accounts now/, ENTER],
        [/Route these channel accounts to agents now/, "n"],
      ],
      env,
    );
    const account = written("wizenv");
    expect(JSON.stringify(account)).not.toContain(user.accessToken);
    expect(account).toMatchObject({ enabled: true, encryption: false, dm: { policy: "pairing" }, groupPolicy: "disabled", autoJoin: "off" });
    // The command line of the person who has the variables sees the account; the gateway that has not says what is missing.
    const found = await rig.home.cli(["directory", "self", "--channel", "matrix", "--account", "wizenv", "--json"], { env });
    expect(found.stdout).toContain(user.userId);
  });
});
