// Installing by every way there is, without a gateway: a home of its own, the host's command line, a registry with our packages alone.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostTriple } from "../../scripts/build/addon.mjs";
import { parseMatrixConfig } from "../../ts/config/schema.ts";
import { registerWithoutDevice } from "../homeserver/users.ts";
import { OpenClawHome } from "../support/gateway/home.ts";
import { installPacked, packed, unpack } from "../support/installed.ts";
import { makeTempDir, removeDir } from "../support/process.ts";
import { LocalRegistry } from "../support/registry.ts";
import { RemoteRig } from "../support/remote-rig.ts";

/** Each test calls the host's command line several times, ten to sixty seconds each on a busy machine. */
const SLOW = { timeout: 900_000 };

interface Listed {
  id: string;
  enabled: boolean;
  version: string;
  rootDir: string;
  origin: string;
}

const rig = RemoteRig.connect();
const folders: string[] = [];
let registry: LocalRegistry;
let home: OpenClawHome;
let user: { userId: string; password: string };

beforeAll(async () => {
  registry = await LocalRegistry.start([packed().plugin, packed().platform]);
  home = await OpenClawHome.create({ modelUrl: "http://127.0.0.1:9", registryUrl: registry.url });
  user = await registerWithoutDevice(rig.homeserver.baseUrl, `installed-${randomBytes(3).toString("hex")}`);
});

afterAll(async () => {
  await registry.stop();
  home.remove();
  for (const folder of folders) removeDir(folder);
});

/** What the command printed as JSON, after whatever the host says before it. */
async function json<T>(args: string[]): Promise<T> {
  const output = await home.run(args);
  return JSON.parse(output.slice(output.indexOf("{"))) as T;
}

/** Answers without a terminal: the plugin is a third party's. */
const install = (...what: string[]) => home.run(["plugins", "install", ...what, "--force", "--accept-capabilities"], { timeoutMs: 600_000 });

async function plugin(): Promise<Listed | undefined> {
  const { plugins } = await json<{ plugins: Listed[] }>(["plugins", "list", "--json"]);
  return plugins.find((one) => one.id === "matrix");
}

/** The configuration of the account, as `channels add` writes it. */
const account = () => ({
  enabled: true,
  homeserver: rig.homeserver.baseUrl,
  ...user,
  encryption: true,
  network: { dangerouslyAllowPrivateNetwork: true },
});

/** `matrix verify status` opens the account itself here: the addon loads, and the homeserver is asked. */
async function deviceOf(): Promise<{ userId: string; deviceId: string }> {
  const { userId, deviceId } = await json<{ userId: string; deviceId: string }>(["matrix", "verify", "status", "--json"]);
  return { userId, deviceId };
}

/**
 * `doctor --fix`, again where a deadline of the host's own ended it, as it asks for: on a busy machine
 * its maintenance gives up. What all of them said counts.
 */
async function doctor(): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const all = { code: null as number | null, stdout: "", stderr: "" };
  for (let tries = 1; tries <= 4; tries++) {
    const { code, stdout, stderr } = await home.cli(["doctor", "--fix", "--non-interactive", "--yes"], { timeoutMs: 600_000 });
    Object.assign(all, { code, stdout: all.stdout + stdout, stderr: all.stderr + stderr });
    if (code === 0 || !/lease|heartbeat/.test(stderr)) break;
  }
  return all;
}

/** What a gateway's start asks of an installed plugin: the operator's trust. */
function enable(): void {
  home.patch((config) => {
    config.plugins = { ...config.plugins, entries: { ...config.plugins?.entries, matrix: { enabled: true } } };
  });
}

describe("installing by name", () => {
  let deviceId: string;

  it("[INS-1][INS-3][INS-6] takes the plugin and this platform's package from the registry, and nothing else from anywhere", SLOW, async () => {
    await install("npm:openclaw-matrix-rs");
    const installed = await plugin();
    expect(installed).toMatchObject({ enabled: true, origin: "global" });
    for (const asked of registry.requests) expect(asked).toMatch(/^(?:-\/)?openclaw(?:-matrix-rs[\w.-]*)?$/);
    expect(registry.requests).toContain(`-/openclaw-matrix-rs-${hostTriple()}-${installed?.version}.tgz`);

    enable();
    const flags = ["--homeserver", rig.homeserver.baseUrl, "--user-id", user.userId, "--password", user.password, "--encryption", "--dangerously-allow-private-network"];
    await home.run(["channels", "add", "--channel", "matrix", ...flags]);
    expect(home.readConfig().channels?.matrix).toEqual(account());
    const { chat } = await json<{ chat: Record<string, object> }>(["channels", "list", "--json"]);
    expect(chat.matrix).toMatchObject({ label: "Matrix", accounts: ["default"], installed: true });

    const device = await deviceOf();
    expect(device.userId).toBe(user.userId);
    ({ deviceId } = device);
  });

  it("[INS-5] a login in the environment counts as configured, before anything of ours runs", SLOW, async () => {
    home.patch((config) => {
      delete config.channels?.matrix;
    });
    const configured = async () => (await json<{ configuredChannels: string[] }>(["channels", "status", "--timeout", "2000", "--json"])).configuredChannels;
    expect(await configured()).not.toContain("matrix");
    Object.assign(home.env, { MATRIX_HOMESERVER: "https://matrix.example.org", MATRIX_ACCESS_TOKEN: "syt_of_nobody" });
    try {
      expect(await configured()).toContain("matrix");
    } finally {
      delete home.env.MATRIX_HOMESERVER;
      delete home.env.MATRIX_ACCESS_TOKEN;
    }
  });

  it("[MIG-1][STA-3] `doctor --fix` rewrites every older spelling and warns of rules that let everybody in", SLOW, async () => {
    const { network: _network, ...login } = account();
    home.patchMatrix((matrix) => {
      Object.assign(matrix, login, {
        allowPrivateNetwork: true,
        dm: { policy: "trusted", allowFrom: ["@admin:example.org"] },
        groupPolicy: "allowlist",
        groups: { "!one:example.org": { allow: false }, "!two:example.org": { requireMention: true } },
        streaming: "partial",
        chunkMode: "newline",
        threadBindings: { spawnSubagentSessions: true, spawnAcpSessions: false },
        accounts: {
          other: { homeserver: "https://matrix.example.org", userId: "@other:example.org", password: "p", allowPrivateNetwork: false, dm: { policy: "trusted" }, rooms: { "!x:example.org": { allow: true } }, streamMode: "quiet", blockStreaming: true },
        },
      });
    });
    const before = home.readConfig().channels?.matrix;
    expect(parseMatrixConfig(before).ok).toBe(false);
    const { code, stdout, stderr } = await doctor();
    expect(code, stderr).toBe(0);
    const after = home.readConfig().channels?.matrix;
    expect(after).toEqual({
      ...login,
      network: { dangerouslyAllowPrivateNetwork: true },
      dm: { policy: "allowlist", allowFrom: ["@admin:example.org"] },
      groupPolicy: "allowlist",
      groups: { "!one:example.org": { enabled: false }, "!two:example.org": { requireMention: true } },
      streaming: { mode: "partial", chunkMode: "newline" },
      threadBindings: { spawnSessions: false },
      accounts: {
        other: {
          homeserver: "https://matrix.example.org",
          userId: "@other:example.org",
          password: "p",
          network: { dangerouslyAllowPrivateNetwork: false },
          dm: { policy: "pairing" },
          rooms: { "!x:example.org": { enabled: true } },
          streaming: { mode: "quiet", chunkMode: "newline", block: { enabled: true } },
        },
      },
    });
    expect(parseMatrixConfig(after)).toMatchObject({ ok: true });
    const said = stdout.replaceAll(/[│\s]+/g, " ");
    for (const change of ["Moved channels.matrix.allowPrivateNetwork", 'dm.policy from "trusted" to "allowlist"', "Rewrote the streaming keys of channels.matrix.accounts.other"]) expect(said).toContain(change);
    expect(said).toContain("groupAllowFrom");
    expect(stdout + stderr).not.toContain(user.password);
  });

  it("[INS-1] uninstalling takes the plugin and its configuration away; the account's state stays, as the documentation says", SLOW, async () => {
    home.patchMatrix((matrix) => {
      for (const key of Object.keys(matrix)) delete matrix[key];
      Object.assign(matrix, account());
    });
    const root = (await plugin())?.rootDir ?? "";
    expect(existsSync(root)).toBe(true);
    await home.run(["plugins", "uninstall", "matrix", "--force"]);
    expect(existsSync(root)).toBe(false);
    expect(home.readConfig().channels?.matrix).toBeUndefined();
    expect(home.readConfig().plugins?.entries?.matrix).toEqual({ enabled: false });
    expect(readdirSync(join(home.stateDir, "matrix-rs", "accounts"))).toContain("default");
  });

  it("[INS-9] a configuration without its plugin: the host says what to install", SLOW, async () => {
    home.patchMatrix((matrix) => Object.assign(matrix, account()));
    // The host knows the official package alone; the documentation names ours.
    expect(await home.run(["channels", "list"])).toMatch(/Matrix: not installed, configured.*plugins install/);
  });

  it("[INS-2] a checkout is used where it lies with --link, and the account goes on as the device it was", SLOW, async () => {
    const { home: folder, rootDir: checkout, addon } = installPacked();
    folders.push(folder);
    const place = join(checkout, "npm", hostTriple());
    mkdirSync(place, { recursive: true });
    renameSync(addon, join(place, `matrix-rs.${hostTriple()}.node`));
    removeDir(dirname(addon));

    await install(checkout, "--link");
    enable();
    expect(home.readConfig().plugins?.load).toEqual({ paths: [checkout] });
    expect(await deviceOf()).toEqual({ userId: user.userId, deviceId });

    // The same folder, copied into the host's own. A linked one has to be taken off first, and its configuration goes with it.
    await home.run(["plugins", "uninstall", "matrix", "--force"]);
    await install(checkout);
    enable();
    home.patchMatrix((matrix) => Object.assign(matrix, account()));
    expect((await plugin())?.rootDir.startsWith(home.stateDir)).toBe(true);
    expect(await deviceOf()).toEqual({ userId: user.userId, deviceId });
  });

  it("[INS-6] a missing platform package is told by its triple and name", SLOW, async () => {
    const bare = makeTempDir("bare-checkout");
    folders.push(bare);
    unpack(packed().plugin, bare);
    await install(bare);
    const { code, stderr } = await home.cli(["matrix", "verify", "status"]);
    expect(code).toBe(1);
    expect(stderr).toContain(`no native build for this machine (${hostTriple()})`);
    expect(stderr).toContain(`the package openclaw-matrix-rs-${hostTriple()} is not installed`);
  });
});
