import { rmSync } from "node:fs";
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

describe("the account's stop", () => {
  it("[INS-11] takes less than the host's five seconds with hundreds of sends under way at a homeserver that hangs, and the process ends", { timeout: 120_000 }, async () => {
    const rooms = Array.from({ length: 60 }, (_, at) => `!room${at}:stub.test`);
    const timeline = { events: [], limited: false, prev_batch: "p" };
    homeserver.overrides.set("GET /_matrix/client/v3/sync", {
      body: { next_batch: "s1", rooms: { join: Object.fromEntries(rooms.map((room) => [room, { timeline }])) }, device_one_time_keys_count: { signed_curve25519: 50 } },
    });
    const child = addonChild(
      rootDir,
      options(),
      `${OPEN}
      console.log("open");
      const reader = Array.fromAsync(account.batches());
      await new Promise((resolve) => setTimeout(resolve, 200));
      const sends = Array.from({ length: 600 }, (_, at) =>
        account.sendText({ roomId: "!room" + (at % 60) + ":stub.test", markdown: "text " + at, kind: "text", chunkLimit: 4000, chunkMode: "length", tables: "block", waitMs: 60_000 }).catch((error) => error.code),
      );
      while ((await account.health()).outbox.queued < 600) await new Promise((resolve) => setTimeout(resolve, 20));
      const begun = performance.now();
      await account.close();
      const took = performance.now() - begun;
      await reader;
      const outcomes = await Promise.all(sends);
      console.log(JSON.stringify({ took, unfinished: outcomes.filter((one) => one?.state !== "sent").length }));
      `,
    );
    expect(await child.line()).toBe("open");
    homeserver.overrides.delete("GET /_matrix/client/v3/sync");
    homeserver.hangs = /./;
    try {
      const { took, unfinished } = JSON.parse(await child.line()) as { took: number; unfinished: number };
      expect(took).toBeLessThan(5000);
      expect(unfinished).toBe(600);
      const { code, signal, stderr } = await child.ended;
      expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: "" });
    } finally {
      homeserver.hangs = undefined;
    }
  });
});

describe("two hundred times open and close in one process", () => {
  it("[INS-11] leaves no handle, file, thread or memory behind", { timeout: 600_000 }, async () => {
    const script = `
      import { readdirSync } from "node:fs";
      const cycle = async () => {
        const account = await native.openAccount(options);
        account.start();
        let health = await account.health();
        while (health.sync.state !== "running") health = await account.healthAfter(health.version);
        await account.close();
      };
      const linux = process.platform === "linux";
      const measure = () => {
        globalThis.gc?.();
        return {
          resources: process.getActiveResourcesInfo().length,
          files: linux ? readdirSync("/proc/self/fd").length : 0,
          threads: linux ? readdirSync("/proc/self/task").length : 0,
          rss: process.memoryUsage.rss(),
        };
      };
      // The runtime's threads, the allocator's arenas and the connections come with the first ones.
      for (let round = 0; round < 40; round++) await cycle();
      const before = measure();
      for (let round = 0; round < 160; round++) await cycle();
      console.log(JSON.stringify({ before, after: measure() }));
    `;
    const { code, signal, stdout, stderr } = await addonChild(rootDir, options(), script).ended;
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: "" });
    const { before, after } = JSON.parse(stdout) as Record<"before" | "after", Record<"resources" | "files" | "threads" | "rss", number>>;
    expect(after.resources).toBeLessThanOrEqual(before.resources + 4);
    expect(after.files).toBeLessThanOrEqual(before.files + 8);
    // Blocking threads come and go, sixteen at most.
    expect(after.threads).toBeLessThanOrEqual(before.threads + 16);
    // 100 KiB a cycle would be sixteen.
    expect((after.rss - before.rss) / 2 ** 20).toBeLessThan(16);
  });
});
