import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FaultProxy, faults, HeldToDevice, likeConduit } from "../../support/fault-proxy/index.ts";

const USER = "@bot:stub.test";
const SYNC = "/_matrix/client/v3/sync";

/** A homeserver that answers what it is told, and remembers what reached it. */
class Behind {
  readonly reached: string[] = [];
  readonly answers = new Map<string, () => unknown>();
  readonly server: Server = createServer((request, response) => {
    void this.#answer(request).then((body) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body)));
  });

  async #answer(request: IncomingMessage): Promise<unknown> {
    const asked = `${request.method} ${(request.url ?? "").split("?")[0]}`;
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk as string;
    this.reached.push(asked);
    const answer = this.answers.get(asked);
    return answer ? answer() : { echo: text, padding: "x".repeat(400) };
  }
}

let behind: Behind;
let proxy: FaultProxy;

beforeEach(async () => {
  behind = new Behind();
  await new Promise<void>((resolve) => void behind.server.listen(0, "127.0.0.1", resolve));
  proxy = await FaultProxy.start(`http://127.0.0.1:${(behind.server.address() as AddressInfo).port}`);
  proxy.people.learn("secret", USER, "DEVICE");
});

afterEach(async () => {
  await proxy.stop();
  behind.server.closeAllConnections();
  behind.server.close();
});

function send(method: string, path: string, body?: string): Promise<Response> {
  return fetch(proxy.url + path, { method, headers: { authorization: "Bearer secret" }, ...(body === undefined ? {} : { body }), signal: AbortSignal.timeout(5000) });
}

const UPLOAD = "/_matrix/client/v3/keys/upload";
const upload = (): Promise<Response> => send("POST", UPLOAD, "keys");

describe("the fault proxy", () => {
  it("lets pass what no rule fits, and counts it", async () => {
    proxy.spoil({ path: /^keys\/query$/, fault: { kind: "reset" } });
    expect(await (await upload()).json()).toMatchObject({ echo: "keys" });
    expect(proxy.count({ path: /^keys\/upload$/, userId: USER, deviceId: "DEVICE", status: 200 })).toBe(1);
  });

  it("spoils the requests a rule counts, and no other", async () => {
    const rule = proxy.spoil({ method: "POST", path: /^keys\/upload$/, userId: USER, after: 1, times: 2, fault: faults.badGateway() });
    const statuses = [];
    for (let number = 0; number < 4; number++) statuses.push((await upload()).status);
    expect(statuses).toEqual([200, 502, 502, 200]);
    expect(rule.hits).toBe(2);
    expect(behind.reached).toHaveLength(2);
  });

  it("spoils only what exceeds a rate", async () => {
    proxy.spoil({ above: { count: 2, perMs: 200 }, fault: faults.rateLimitedByHtml() });
    const statuses = [];
    for (let number = 0; number < 3; number++) statuses.push((await upload()).status);
    await pause(220);
    statuses.push((await upload()).status);
    expect(statuses).toEqual([200, 200, 429, 200]);
  });

  it("answers in the homeserver's place after it has taken the request", async () => {
    proxy.spoil({ path: /^keys\/upload$/, taken: true, fault: faults.unknownError520() });
    const answer = await upload();
    expect([answer.status, await answer.text()]).toEqual([520, expect.stringContaining("<html>")]);
    expect(behind.reached).toEqual([`POST ${UPLOAD}`]);
  });

  it("says how long to wait where it is told to", async () => {
    proxy.spoil({ times: 1, fault: faults.rateLimited({ retryAfterMs: 1500 }) });
    proxy.spoil({ times: 1, fault: faults.rateLimited({ headerSeconds: 2 }) });
    const [first, second] = [await upload(), await upload()];
    expect(await first.json()).toMatchObject({ errcode: "M_LIMIT_EXCEEDED", retry_after_ms: 1500 });
    expect(first.headers.has("retry-after")).toBe(false);
    expect(second.headers.get("retry-after")).toBe("2");
    expect(await second.json()).not.toHaveProperty("retry_after_ms");
  });

  it.each([
    { title: "a reset before", fault: { kind: "reset" } as const, reached: 0 },
    { title: "a reset in the middle of the body", fault: { kind: "cut", how: "reset" } as const, reached: 1 },
    { title: "a connection closed in the middle of the body", fault: { kind: "cut", how: "closed" } as const, reached: 1 },
  ])("breaks with $title", async ({ fault, reached }) => {
    proxy.spoil({ fault });
    await expect(upload().then((answer) => answer.text())).rejects.toThrow();
    expect(behind.reached).toHaveLength(reached);
  });

  it("ends a body in the middle as if that were all", async () => {
    proxy.spoil({ fault: { kind: "cut", how: "ended" } });
    const text = await (await upload()).text();
    expect(text).toMatch(/^\{"echo":"keys"/);
    expect(() => JSON.parse(text) as unknown).toThrow();
  });

  it("gives a slow body whole", async () => {
    proxy.spoil({ fault: { kind: "slow", totalMs: 200 } });
    const began = performance.now();
    expect(await (await upload()).json()).toMatchObject({ echo: "keys" });
    expect(performance.now() - began).toBeGreaterThan(150);
  });

  it("stalls, and holds until it is lifted", async () => {
    const stall = proxy.spoil({ times: 1, fault: { kind: "stall" } });
    await expect(fetch(proxy.url + UPLOAD, { signal: AbortSignal.timeout(200) })).rejects.toThrow(/timeout/);
    expect(stall.hits).toBe(1);
    const hold = proxy.spoil({ taken: true, fault: { kind: "hold" } });
    let over = false;
    const answer = upload().then((response) => ((over = true), response.json()));
    await hold.hit();
    expect(behind.reached).toHaveLength(1);
    await pause(50);
    expect(over).toBe(false);
    hold.lift();
    expect(await answer).toMatchObject({ echo: "keys" });
  });

  it("learns whose token it is from the login", async () => {
    behind.answers.set("POST /_matrix/client/v3/login", () => ({ user_id: "@new:stub.test", device_id: "NEW", access_token: "fresh" }));
    await send("POST", "/_matrix/client/v3/login", "{}");
    await fetch(proxy.url + UPLOAD, { method: "POST", headers: { authorization: "Bearer fresh" }, body: "{}" });
    expect(proxy.count({ userId: "@new:stub.test", deviceId: "NEW" })).toBe(1);
  });
});

describe("to-device events held back", () => {
  const key = (number: number) => ({ type: "m.room.encrypted", sender: "@friend:stub.test", content: { number } });
  const syncs = (events: object[]) => behind.answers.set(`GET ${SYNC}`, () => ({ next_batch: "s2", to_device: { events }, device_one_time_keys_count: { signed_curve25519: 50 } }));
  const sync = async () => (await (await send("GET", `${SYNC}?since=s1`)).json()) as { next_batch: string; to_device?: { events: object[] } };

  it("come with the next answer once released, in order and once, however often the homeserver sent them", async () => {
    const held = new HeldToDevice(proxy, USER, (event) => event.type === "m.room.encrypted");
    syncs([key(1), { type: "m.other", sender: USER, content: {} }, key(2)]);
    expect((await sync()).to_device?.events).toEqual([{ type: "m.other", sender: USER, content: {} }]);
    await sync();
    expect(held.count).toBe(2);
    held.release();
    syncs([]);
    expect((await sync()).to_device?.events).toEqual([key(1), key(2)]);
    expect((await sync()).to_device?.events).toEqual([]);
  });

  it("wake a poll that waits, whose place the homeserver still knows", async () => {
    const held = new HeldToDevice(proxy, USER);
    syncs([key(1)]);
    await sync();
    const asleep = Promise.withResolvers<unknown>();
    behind.answers.set(`GET ${SYNC}`, () => asleep.promise);
    const poll = sync();
    while (proxy.waiting({ path: /^sync$/ }).length === 0) await pause(5);
    held.release();
    expect(await poll).toEqual({ next_batch: expect.stringMatching(/^s1~/), to_device: { events: [key(1)] }, device_one_time_keys_count: { signed_curve25519: 50 } });
    asleep.resolve({});
    let since: string | null | undefined;
    behind.answers.set(`GET ${SYNC}`, () => ({ next_batch: since }));
    behind.server.prependListener("request", (request) => (since = new URL(request.url ?? "/", "http://stub").searchParams.get("since")));
    await send("GET", `${SYNC}?since=s1~proxy7`);
    expect(since).toBe("s1");
  });
});

describe("a homeserver like Conduit", () => {
  it.each([
    { counts: "absent" as const, told: undefined },
    { counts: "zero" as const, told: { signed_curve25519: 0 } },
  ])("leaves out what is optional, key counts $counts", async ({ counts, told }) => {
    likeConduit(proxy, USER, counts);
    behind.answers.set(`GET ${SYNC}`, () => ({
      next_batch: "s2",
      device_lists: { changed: [] },
      device_one_time_keys_count: { signed_curve25519: 50 },
      device_unused_fallback_key_types: [],
      rooms: { join: { "!a:stub.test": { summary: {}, ephemeral: {}, state: { events: [] }, timeline: { events: [], limited: false, prev_batch: "p" } } } },
    }));
    const body = (await (await send("GET", SYNC)).json()) as Record<string, unknown>;
    expect(body).toEqual({
      next_batch: "s2",
      rooms: { join: { "!a:stub.test": { state: { events: [] }, timeline: { events: [], prev_batch: "p" } } } },
      ...(told ? { device_one_time_keys_count: told } : {}),
    });
  });
});
