import { afterEach, describe, expect, it, vi } from "vitest";
import type { WizardPrompter } from "../../../ts/host/setup.ts";
import type { MatrixChannelConfig } from "../../../ts/config/schema.ts";
import { parseMatrixConfig } from "../../../ts/config/schema.ts";
import { configure, roomEntryProblem, splitEntries, userEntryProblem } from "../../../ts/setup/wizard.ts";

/** An answer to the question that matches; `keep` takes what is offered. */
type Script = [question: RegExp, answer: unknown][];
const keep = Symbol("keep");

/** A person who answers by the script, tries invalid answers on the check first, and is asked nothing else. */
function person(script: Script): { prompter: WizardPrompter; asked: string[] } {
  const left = [...script];
  const asked: string[] = [];
  const reply = (message: string, offered: unknown) => {
    asked.push(message);
    const next = left.shift();
    if (!next) throw new Error(`asked once more: ${message}`);
    expect(message).toMatch(next[0]);
    return next[1] === keep ? offered : next[1];
  };
  const prompter = {
    note: async (message: string) => void asked.push(`note: ${message}`),
    confirm: async ({ message, initialValue }: { message: string; initialValue?: boolean }) => reply(message, initialValue),
    select: async ({ message, initialValue, options }: { message: string; initialValue?: unknown; options: { value: unknown }[] }) => {
      const answer = reply(message, initialValue);
      expect(options.map(({ value }) => value)).toContain(answer);
      return answer;
    },
    text: async ({ message, initialValue, validate }: { message: string; initialValue?: string; validate?: (text: string) => string | undefined }) => {
      const answer = String(reply(message, initialValue ?? ""));
      expect(validate?.(answer), `${message} ← ${answer}`).toBeUndefined();
      return answer;
    },
  } as unknown as WizardPrompter;
  return { prompter, asked };
}

async function run(matrix: MatrixChannelConfig, script: Script, accountId?: string, shouldPromptAccountIds = false) {
  const { prompter, asked } = person(script);
  const result = await configure({
    cfg: { channels: { matrix } },
    prompter,
    runtime: {} as never,
    accountOverrides: accountId ? { matrix: accountId } : {},
    shouldPromptAccountIds,
    forceAllowFrom: false,
  });
  expect(asked.filter((line) => !line.startsWith("note: "))).toHaveLength(script.length);
  const written = result.cfg.channels?.matrix;
  expect(parseMatrixConfig(written)).toMatchObject({ ok: true });
  return { matrix: written, accountId: result.accountId, asked };
}

afterEach(() => vi.unstubAllEnvs());

describe("the questions", () => {
  it("[WIZ-1][WIZ-6] from nothing to a whole configuration", async () => {
    const { matrix, accountId } = await run({}, [
      [/URL of the homeserver/, " https://192.0.2.1 "],
      [/log in/, "password"],
      [/User id/, "@bot:hs"],
      [/^Password/, "p"],
      [/Name of the device/, "Box"],
      [/encrypted rooms/, true],
      [/write to the bot directly/, "@a:hs, @b:hs"],
      [/In which rooms/, "allowlist"],
      [/Rooms, by id or alias/, "!room:hs #alias:hs"],
      [/ask it in rooms/, "@a:hs"],
      [/invites does the bot accept/, "allowlist"],
      [/Rooms whose invites/, keep],
    ]);
    expect(accountId).toBe("default");
    expect(matrix).toEqual({
      enabled: true,
      homeserver: "https://192.0.2.1",
      userId: "@bot:hs",
      password: "p",
      deviceName: "Box",
      encryption: true,
      dm: { policy: "allowlist", allowFrom: ["@a:hs", "@b:hs"] },
      groupPolicy: "allowlist",
      groups: { "!room:hs": {}, "#alias:hs": {} },
      groupAllowFrom: ["@a:hs"],
      autoJoin: "allowlist",
      autoJoinAllowlist: ["!room:hs", "#alias:hs"],
    });
  });

  it("[WIZ-4] asks before a private network is allowed, and asks again when it is not", async () => {
    const { matrix } = await run({}, [
      [/URL of the homeserver/, "http://10.0.0.1:8008"],
      [/private network. Allow/, false],
      [/URL of the homeserver/, "http://10.0.0.2:8008"],
      [/private network. Allow/, true],
      [/log in/, "token"],
      [/Access token/, " t "],
      [/Name of the device/, keep],
      [/encrypted rooms/, keep],
      [/write to the bot directly/, ""],
      [/In which rooms/, "disabled"],
      [/invites does the bot accept/, "off"],
    ]);
    expect(matrix).toEqual({
      enabled: true,
      homeserver: "http://10.0.0.2:8008",
      network: { dangerouslyAllowPrivateNetwork: true },
      accessToken: "t",
      encryption: false,
      dm: { policy: "pairing" },
      groupPolicy: "disabled",
      autoJoin: "off",
    });
  });

  it("[WIZ-3] gives no http: URL to the public network", async () => {
    const { asked } = await run({}, [
      [/URL of the homeserver/, "http://192.0.2.1"],
      [/URL of the homeserver/, "https://192.0.2.1"],
      [/log in/, "token"],
      [/Access token/, "t"],
      [/Name of the device/, keep],
      [/encrypted rooms/, keep],
      [/write to the bot directly/, "*"],
      [/In which rooms/, "open"],
      [/ask it in rooms/, "*"],
      [/invites does the bot accept/, "always"],
    ]);
    expect(asked).toContainEqual(expect.stringMatching(/^note: An http: homeserver is possible on a private network only/));
  });

  it("[WIZ-1] a second run keeps what nobody changes", async () => {
    const before: MatrixChannelConfig = {
      enabled: true,
      homeserver: "http://10.0.0.2:8008",
      allowPrivateNetwork: true,
      accessToken: "t",
      encryption: true,
      dm: { policy: "allowlist", allowFrom: ["@a:hs"], threadReplies: "always" },
      groupPolicy: "allowlist",
      groups: { "!room:hs": { requireMention: false } },
      groupAllowFrom: ["@a:hs"],
      autoJoin: "allowlist",
      autoJoinAllowlist: ["!room:hs"],
      threadReplies: "off",
    };
    const { matrix } = await run(structuredClone(before), [
      [/URL of the homeserver/, keep],
      [/Keep the login/, true],
      [/Name of the device/, keep],
      [/encrypted rooms/, keep],
      [/write to the bot directly/, keep],
      [/In which rooms/, keep],
      [/Rooms, by id or alias/, keep],
      [/ask it in rooms/, keep],
      [/invites does the bot accept/, keep],
      [/Rooms whose invites/, keep],
    ]);
    expect(matrix).toEqual(before);
  });

  it("[WIZ-2] offers the environment's login, for a named account its own, and writes no secret", async () => {
    vi.stubEnv("MATRIX_OPS_HOMESERVER", "https://192.0.2.1");
    vi.stubEnv("MATRIX_OPS_ACCESS_TOKEN", "t");
    const { matrix } = await run(
      {},
      [
        [/MATRIX_\* environment variables/, true],
        [/Name of the device/, keep],
        [/encrypted rooms/, true],
        [/write to the bot directly/, ""],
        [/In which rooms/, "disabled"],
        [/invites does the bot accept/, "off"],
      ],
      "Ops",
    );
    expect(matrix).toEqual({
      accounts: { ops: { enabled: true, encryption: true, dm: { policy: "pairing" }, groupPolicy: "disabled", autoJoin: "off" } },
    });
  });
});

describe("the account", () => {
  const rest: Script = [
    [/Name of the device/, keep],
    [/encrypted rooms/, keep],
    [/write to the bot directly/, ""],
    [/In which rooms/, "disabled"],
    [/invites does the bot accept/, "off"],
  ];
  const login: Script = [
    [/URL of the homeserver/, "https://192.0.2.1"],
    [/log in/, "token"],
    [/Access token/, "t"],
  ];

  it("[WIZ-1] is not asked for while there is none", async () => {
    const { prompter, asked } = person([...login, ...rest]);
    const ctx = { cfg: {}, prompter, runtime: {} as never, accountOverrides: {}, shouldPromptAccountIds: true, forceAllowFrom: false };
    expect((await configure(ctx)).accountId).toBe("default");
    expect(asked).toHaveLength(login.length + rest.length);
  });

  it("[WIZ-9] can be a new one, by its name", async () => {
    const { matrix, accountId } = await run(
      { homeserver: "https://192.0.2.2", accessToken: "t" },
      [[/Which Matrix account/, ""], [/Name of the new account/, "Ops Bot"], ...login, ...rest],
      undefined,
      true,
    );
    expect(accountId).toBe("ops-bot");
    expect(matrix).toMatchObject({ accessToken: "t", accounts: { "ops-bot": { homeserver: "https://192.0.2.1", accessToken: "t" } } });
  });
});

describe("answers", () => {
  it("[WIZ-5] takes full user ids, everybody and access groups", () => {
    for (const entry of ["@a:b", "*", "accessGroup:team"]) expect(userEntryProblem(entry)).toBeUndefined();
    for (const entry of ["alice", "@alice", "a:b", "#room:b"]) expect(userEntryProblem(entry)).toMatch(/is not a full user id/);
  });

  it("[WIZ-7] takes room ids, old and new, and aliases, never plain names", () => {
    for (const entry of ["!a:b", "!v12", "#a:b", "*", "matrix:room:!a:b"]) expect(roomEntryProblem(entry)).toBeUndefined();
    for (const entry of ["lobby", "#lobby", "@a:b"]) expect(roomEntryProblem(entry)).toMatch(/is not a room/);
  });

  it("splits at commas, semicolons and blanks", () => {
    expect(splitEntries(" a, b;c\nd ")).toEqual(["a", "b", "c", "d"]);
  });
});
