import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OpenClawHome } from "../support/gateway/home.ts";
import { packed } from "../support/installed.ts";
import { LocalRegistry } from "../support/registry.ts";

/** In a home of its own: `doctor --fix` writes the configuration that the other tests share. */
describe("openclaw doctor", () => {
  let registry: LocalRegistry;
  let home: OpenClawHome;
  beforeAll(async () => {
    const { plugin, platform } = packed();
    registry = await LocalRegistry.start([plugin, platform]);
    home = await OpenClawHome.create({ modelUrl: "http://127.0.0.1:9", registryUrl: registry.url });
    await home.installPlugin();
  });
  afterAll(async () => {
    home.remove();
    await registry.stop();
  });

  it("[STA-3][MIG-1][STR-8] doctor names older spellings, and with --fix it writes them as they are today; accounts keep what they inherit", { timeout: 480_000 }, async () => {
    const room = "!room:example.org";
    home.patchMatrix((matrix) =>
      Object.assign(matrix, {
        enabled: true,
        homeserver: "https://matrix.example.org",
        accessToken: "syt_default",
        allowPrivateNetwork: false,
        streaming: "partial",
        groups: { [room]: { allow: true } },
        threadBindings: { spawnSubagentSessions: true, spawnAcpSessions: false },
        accounts: { ops: { accessToken: "syt_ops", dm: { policy: "trusted", allowFrom: ["@alice:example.org"] }, streamMode: "quiet", blockStreaming: true, chunkMode: "newline" } },
      }),
    );
    const before = home.readConfig().channels?.matrix;
    const lint = await home.cli(["doctor", "--lint", "--json"]);
    expect(lint.code).not.toBe(0);
    const { findings } = JSON.parse(lint.stdout) as { findings: { severity: string; path?: string }[] };
    const wrong = findings.filter(({ severity }) => severity === "error").map(({ path }) => path);
    // OpenClaw names five at a time.
    expect(wrong).toEqual(expect.arrayContaining([`channels.matrix.groups.${room}`, "channels.matrix.streaming", "channels.matrix.threadBindings", "channels.matrix.accounts.ops.streamMode"]));
    expect(home.readConfig().channels?.matrix).toEqual(before);

    const { stdout } = await home.cli(["doctor", "--fix", "--non-interactive"]);
    // Frames are drawn around what it says, and its lines are wrapped.
    const said = stdout.replace(/[│\s]+/g, " ");
    expect(said).toContain('Changed channels.matrix.accounts.ops.dm.policy from "trusted" to "allowlist".');
    expect(said).toContain(`Matrix account "ops": channels.matrix.accounts.ops.groupAllowFrom is empty, so every member of ${room} may talk to the agent.`);
    expect(home.readConfig().channels?.matrix).toEqual({
      enabled: true,
      homeserver: "https://matrix.example.org",
      network: { dangerouslyAllowPrivateNetwork: false },
      streaming: { mode: "partial" },
      groups: { [room]: { enabled: true } },
      threadBindings: { spawnSessions: false },
      accounts: {
        default: { accessToken: "syt_default" },
        ops: { accessToken: "syt_ops", dm: { policy: "allowlist", allowFrom: ["@alice:example.org"] }, streaming: { mode: "quiet", chunkMode: "newline", block: { enabled: true } } },
      },
    });
    const valid = await home.cli(["config", "validate"]);
    expect(valid, valid.stderr).toMatchObject({ code: 0 });
  });
});
