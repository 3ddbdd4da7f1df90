import { readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BINDING, renderBinding } from "../../scripts/build/binding.mjs";
import { root } from "../../scripts/rig/toolchain.mjs";
import type { Account, LogRecord, Native, OpenAccountOptions } from "../../ts/native/account.ts";
import { isMatrixError, type MatrixErrorCode } from "../../ts/native/errors.ts";
import { loadNative } from "../../ts/native/load.ts";
import type { NativeBinding } from "../../ts/native/wrap.ts";
import { accountOptions } from "../support/account-options.ts";
import { installPacked } from "../support/installed.ts";
import { freePort, makeTempDir, until } from "../support/process.ts";
import { StubHomeserver } from "../support/stub-homeserver.ts";

/** Only in the everyday build; see crates/matrix-node/src/lib.rs. */
type WithPanic = NativeBinding & { provokePanic(onRuntime: boolean, accountId: string, text: string): Promise<void> };

let home: string;
let native: Native;
let binding: WithPanic;
let homeserver: StubHomeserver;
const folders: string[] = [];

beforeAll(async () => {
  const installed = installPacked();
  home = installed.home;
  native = loadNative(installed.rootDir);
  binding = createRequire(import.meta.url)(installed.addon) as WithPanic;
  homeserver = await StubHomeserver.start();
});

afterAll(async () => {
  await homeserver.stop();
  for (const folder of [home, ...folders]) rmSync(folder, { recursive: true, force: true });
});

function options(changes: Partial<OpenAccountOptions> = {}): OpenAccountOptions {
  const stateDir = makeTempDir("account");
  folders.push(stateDir);
  return accountOptions(homeserver.url, stateDir, changes);
}

/** The error a call rejects with. */
async function failure(work: Promise<unknown>, code: MatrixErrorCode): Promise<Error & { code: string }> {
  const error = await work.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown as Error,
  );
  expect(error).toSatisfy((thrown) => isMatrixError(thrown, code));
  return error as Error & { code: string };
}

describe("surface", () => {
  it("the binding's types are those of the built addon", () => {
    expect(readFileSync(BINDING, "utf8")).toBe(renderBinding());
  });

  it("an account has every method of the contract and no other", () => {
    const dir = join(root, "ts/native");
    const contract = readdirSync(dir).map((file) => readFileSync(join(dir, file), "utf8")).join("\n");
    /** Members of an interface and of those it extends. */
    const membersOf = (name: string): string[] => {
      const [, parents = "", body = ""] = new RegExp(`export interface ${name}(?: extends ([\\w, ]+))? \\{([\\s\\S]*?)\\n\\}`).exec(contract) ?? [];
      const own = [...body.matchAll(/^ {2}(?:readonly )?(\w+)[(:]/gm)].map((match) => match[1] as string);
      return [...own, ...parents.split(", ").filter(Boolean).flatMap(membersOf)];
    };
    const promised = membersOf("Account");
    expect(promised.length).toBeGreaterThan(20);
    const built = Object.getOwnPropertyNames(binding.Account.prototype).filter((name) => name !== "constructor");
    expect(built.toSorted()).toEqual(promised.map((name) => (name === "batches" ? "nextBatch" : name)).toSorted());
  });

  it("says its version, which is the package's", () => {
    expect(native.version).toBe(JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version);
  });
});

describe("errors", () => {
  it("cross as an Error with a code, made in Rust and rejected as they are", async () => {
    const thrown: unknown = await binding.probe({ homeserver: "ftp://matrix.example.org", network: { allowPrivateNetwork: false } }).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(Error);
    expect(Object.entries(thrown as object)).toEqual([["code", "config_invalid"]]);
    expect((thrown as Error).message).toContain("`homeserver` must begin with https://");
  });

  it("carry what the homeserver said", async () => {
    homeserver.overrides.set("GET /_matrix/client/v3/account/whoami", { status: 401, body: { errcode: "M_UNKNOWN_TOKEN", error: "Unknown token" } });
    try {
      const error = await native.probe({ homeserver: homeserver.url, network: { allowPrivateNetwork: true }, accessToken: "syt_wrong_token" }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ errcode: "M_UNKNOWN_TOKEN", status: 401 });
      expect(["auth_failed", "auth_expired"]).toContain((error as { code: string }).code);
      expect(String(error)).not.toContain("syt_wrong");
    } finally {
      homeserver.overrides.clear();
    }
  });

  it("an argument of the wrong type is refused, not believed", async () => {
    await failure(native.openAccount({ ...options(), auth: { type: "nobody" } } as never), "internal");
    await failure(native.openAccount({} as never), "internal");
  });

  it("[NET-1] a private address without the opt-in is address_blocked and names the key", async () => {
    const error = await failure(native.openAccount(options({ network: { allowPrivateNetwork: false } })), "address_blocked");
    expect(error.message).toContain("dangerouslyAllowPrivateNetwork");
  });

  it("a homeserver that is not there is a network error", async () => {
    const port = await freePort();
    const error = await failure(native.openAccount({ ...options(), homeserver: `http://127.0.0.1:${port}` }), "network");
    expect(error.message).toContain("127.0.0.1");
  });

  it("a wrong password is auth_failed and is not repeated", async () => {
    homeserver.overrides.set("POST /_matrix/client/v3/login", { status: 403, body: { errcode: "M_FORBIDDEN", error: "Invalid username or password" } });
    try {
      const error = await failure(native.openAccount(options()), "auth_failed");
      expect(error.message).not.toContain("hunter2");
    } finally {
      homeserver.overrides.clear();
    }
  });
});

describe.skipIf(process.env.OPENCLAW_MATRIX_PROFILE === "release")("a panic", () => {
  it("on the runtime rejects, on the main thread throws; neither ends the process", async () => {
    await expect(binding.provokePanic(true, "main", "a deliberate panic")).rejects.toMatchObject({ code: "internal", message: expect.stringContaining("a deliberate panic") });
    expect(() => binding.provokePanic(false, "main", "a deliberate panic")).toThrow("a deliberate panic");
    expect(binding.version()).toBe(native.version);
  });
});

describe("the log", () => {
  const SECRETS = [
    "syt_Ym90_AbCdEfGhIjKlMnOp_3xYz01",
    "access_token=MDAxOGxvY2F0aW9u",
    'Authorization: "Bearer opaque-token-value"',
    '"password":"hunter2"',
    "http://me:hunter2@proxy.example:3128",
    "EsTL 5Szb 5Ppn 8bv1 YDQF Q6Sm Wqdk CbtP 5QnQ tFtT 8yQT pvRu",
  ];

  it.each(SECRETS)("takes a secret out of records and error texts: %s", async (secret) => {
    const records: LogRecord[] = [];
    native.onLog("info", (record) => records.push(record));
    const error = await binding.provokePanic(true, "ops", `before ${secret} after`).catch((thrown: unknown) => thrown);
    const record = await until("the record", 5000, () => records.find((line) => line.message.includes("before")), 5);
    expect(record).toMatchObject({ level: "error", target: "matrix_node", accountId: "ops" });
    for (const text of [record.message, String(error)]) {
      expect(text).toContain("after");
      for (const word of ["AbCdEf", "MDAxOG", "opaque", "hunter2", "5Szb"]) expect(text).not.toContain(word);
    }
  });

  it("belongs to one sink at a time, at its level", async () => {
    const first: LogRecord[] = [];
    const second: LogRecord[] = [];
    native.onLog("trace", (record) => first.push(record));
    native.onLog("error", (record) => second.push(record));
    await binding.provokePanic(true, "ops", "to the second").catch(() => undefined);
    await until("the record", 5000, () => second.length > 0, 5);
    expect(first).toEqual([]);
    expect(second.every((record) => record.level === "error")).toBe(true);
  });
});

describe("an open account", () => {
  let account: Account;

  it("is named in the lines of its own tasks", async () => {
    const records: LogRecord[] = [];
    native.onLog("trace", (record) => records.push(record));
    const ops = await native.openAccount(options({ accountId: "ops" }));
    ops.start();
    await until("a line of the sync", 20_000, () => records.some(({ target, accountId }) => target.startsWith("matrix_sdk") && accountId === "ops"));
    await ops.close();
    native.onLog("error", () => {});
    expect(records.filter(({ accountId }) => accountId !== undefined && accountId !== "ops")).toEqual([]);
    expect(records.map(({ message }) => message).join("\n")).not.toContain("hunter2");
  });

  it("knows who it is and leaves its session in the folder", async () => {
    const given = options();
    account = await native.openAccount(given);
    expect(account.identity.userId).toBe(homeserver.userId);
    expect(await native.storedSession(given.stateDir)).toEqual(account.identity);
    expect(await native.lockHolder(given.stateDir)).toMatchObject({ pid: process.pid });
    account.start();
    await until("the first sync", 20_000, async () => (await account.health()).sync.state === "running");
    await account.close();
    expect(await native.lockHolder(given.stateDir)).toBeUndefined();
  });

  it("rejects with closed once it is closed, and closes twice", async () => {
    await account.close();
    await account.close();
    await failure(account.health(), "closed");
    await failure(account.roomInfo("!r:stub.test"), "closed");
    expect(() => account.start()).toThrow(expect.objectContaining({ code: "closed" }));
    expect(await account.setTyping("!r:stub.test", true)).toBeUndefined();
    expect(await account.healthAfter(0)).toBeUndefined();
    expect(await Array.fromAsync(account.batches())).toEqual([]);
  });

  it("ends the waiting reader and the waiting watcher when it is closed", async () => {
    const open = await native.openAccount(options());
    open.start();
    const events = Array.fromAsync(open.batches());
    const { version } = await open.health();
    const watcher = (async () => {
      for (let since = version; ; ) {
        const health = await open.healthAfter(since);
        if (!health) return "over";
        since = health.version;
      }
    })();
    await until("the long poll", 20_000, () => homeserver.waiting > 0);
    const began = performance.now();
    await open.close();
    expect(await Promise.all([events, watcher])).toEqual([[], "over"]);
    expect(performance.now() - began).toBeLessThan(5000);
  });
});
