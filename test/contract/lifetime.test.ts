import { readdirSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OpenAccountOptions } from "../../ts/native/account.ts";
import { loadNative } from "../../ts/native/load.ts";
import { accountOptions } from "../support/account-options.ts";
import { addonChild } from "../support/addon-child.ts";
import { installPacked } from "../support/installed.ts";
import { makeTempDir } from "../support/process.ts";
import { StubHomeserver } from "../support/stub-homeserver.ts";

let home: string;
let rootDir: string;
let homeserver: StubHomeserver;
const folders: string[] = [];

beforeAll(async () => {
  ({ home, rootDir } = installPacked());
  homeserver = await StubHomeserver.start();
});

afterAll(async () => {
  await homeserver.stop();
  for (const folder of [home, ...folders]) rmSync(folder, { recursive: true, force: true });
});

function options(): OpenAccountOptions {
  const stateDir = makeTempDir("account");
  folders.push(stateDir);
  return accountOptions(homeserver.url, stateDir);
}

/** Opens and starts an account and waits for its first sync. */
const OPEN = `
  const account = await native.openAccount(options);
  account.start();
  let health = await account.health();
  while (health.sync.state !== "running") health = await account.healthAfter(health.version);
`;

/** How a process ends that has an open, syncing account. */
const ENDINGS: { title: string; script: string }[] = [
  { title: "by itself after close", script: "await account.close();" },
  { title: "by itself after close, with a reader that waited", script: "const reader = Array.fromAsync(account.batches()); await account.close(); await reader;" },
  { title: "by itself without close, when nobody waits for the account", script: "" },
  { title: "by process.exit without close", script: "process.exit(0);" },
  { title: "by process.exit while a reader waits", script: "void Array.fromAsync(account.batches()); setTimeout(() => process.exit(0), 50);" },
  { title: "by process.exit in mid-close", script: "void account.close(); process.exit(0);" },
  { title: "by process.exit in mid-open of another account", script: 'void native.openAccount({ ...options, stateDir: options.stateDir + "-2" }).catch(() => {}); process.exit(0);' },
  { title: "with a log sink installed", script: 'native.onLog("trace", () => {}); await account.close();' },
];

describe("a process with an account ends", () => {
  it.each(ENDINGS)("$title", async ({ script }) => {
    const given = options();
    folders.push(`${given.stateDir}-2`);
    const { code, signal, stderr } = await addonChild(rootDir, given, OPEN + script).ended;
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: "" });
  });

  it("and so does a worker thread that is terminated with one", async () => {
    const script = `
      import { Worker } from "node:worker_threads";
      const worker = new Worker(\`
        const { parentPort, workerData } = require("node:worker_threads");
        const addon = require(workerData.addon);
        addon.openAccount(workerData.options).then(async (account) => {
          account.start();
          account.nextBatch(1);
          parentPort.postMessage("open");
        });
      \`, { eval: true, execArgv: [], workerData: { addon: ADDON, options } });
      await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
      await worker.terminate();
      console.log(native.version);
    `;
    const { addon } = installedAddon();
    const { code, signal, stdout, stderr } = await addonChild(rootDir, options(), script.replace("ADDON", JSON.stringify(addon))).ended;
    expect({ code, signal, stdout: stdout.trim(), stderr }).toEqual({ code: 0, signal: null, stdout: loadNative(rootDir).version, stderr: "" });
  });
});

function installedAddon(): { addon: string } {
  const installed = installPacked();
  folders.push(installed.home);
  return installed;
}

describe("the account's folder", () => {
  it("is locked while another process has it, which is named, and free when that is killed", async () => {
    const native = loadNative(rootDir);
    const given = options();
    const other = addonChild(rootDir, given, `${OPEN} console.log("open"); setInterval(() => {}, 1000);`);
    expect(await other.line()).toBe("open");
    expect(await native.lockHolder(given.stateDir)).toMatchObject({ pid: other.pid });
    await expect(native.openAccount(given)).rejects.toMatchObject({ code: "store_locked", message: expect.stringContaining(String(other.pid)) });
    other.kill("SIGKILL");
    await other.ended;
    const { auth: _password, ...rest } = given;
    const account = await native.openAccount({ ...rest, auth: { type: "stored" } });
    await account.close();
  });
});

describe("fifty times open and close", () => {
  it("leaves no handle, file or thread behind", async () => {
    const native = loadNative(rootDir);
    const given = options();
    const cycle = async () => {
      const account = await native.openAccount(given);
      account.start();
      await account.close();
    };
    const count = () => ({
      resources: process.getActiveResourcesInfo().length,
      ...(process.platform === "linux" ? { files: readdirSync("/proc/self/fd").length, threads: readdirSync("/proc/self/task").length } : {}),
    });
    // The runtime's threads and the stub's connections come with the first ones.
    for (let round = 0; round < 5; round++) await cycle();
    const before = count();
    for (let round = 0; round < 45; round++) await cycle();
    const after = count();
    expect(after.resources).toBeLessThanOrEqual(before.resources + 4);
    if (before.files !== undefined && after.files !== undefined) expect(after.files).toBeLessThanOrEqual(before.files + 8);
    // Blocking threads come and go, sixteen at most.
    if (before.threads !== undefined && after.threads !== undefined) expect(after.threads).toBeLessThanOrEqual(before.threads + 16);
  });
});
