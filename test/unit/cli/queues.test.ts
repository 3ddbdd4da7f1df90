import { describe, expect, it } from "vitest";
import * as deadLetters from "../../../ts/cli/dead-letters.ts";
import * as outbox from "../../../ts/cli/outbox.ts";
import type { CommandHost } from "../../../ts/cli/run.ts";
import { METHODS } from "../../../ts/gateway/methods.ts";
import { enter, leave } from "../../../ts/gateway/registry.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import type { UnsentMessage } from "../../../ts/native/queues.ts";
import { FakeAccount } from "../support/fake-account.ts";
import { FakeQueues } from "../support/fake-queues.ts";
import { FakeNative, LOGIN } from "../support/running.ts";

const cfg = { channels: { matrix: LOGIN } };
const NOW = Date.now();

function filled(): FakeQueues {
  const queues = new FakeQueues();
  queues.letters = [
    { id: 3, roomId: "!r:hs", eventId: "$e", sender: "@alice:hs", originServerTs: NOW, failedAt: NOW, cause: "model: 500", failures: 3, crashes: 0, text: "the secret words" },
    { id: 9, failedAt: NOW, cause: "its stored payload cannot be read", failures: 1, crashes: 10 },
  ];
  const message: UnsentMessage = { id: 1, roomId: "!r:hs", failed: false, createdAt: NOW - 3 * 3_600_000, expiresAt: NOW, inDoubt: false, parts: 3, sent: 1, attempts: 4 };
  queues.messages = [
    message,
    { ...message, id: 2, waitingUntil: NOW + 60_000 },
    { ...message, id: 5, failed: true, expiresAt: undefined, error: "the homeserver does not allow it" },
    { ...message, id: 6, failed: true, expiresAt: undefined, inDoubt: true },
  ];
  return queues;
}

/** A host without a gateway. */
function alone(queues: FakeQueues | Error): { host: CommandHost; native: FakeNative } {
  const native = new FakeNative(() => {
    throw new Error("the queues need no login");
  });
  native.queues = () => {
    if (queues instanceof Error) throw queues;
    return queues;
  };
  const refused = Object.assign(new Error("gateway closed (ECONNREFUSED)"), { name: "GatewayTransportError", kind: "closed", connectionDetails: {} });
  return { native, host: { cfg, native: () => native, stateRoot: "/state", call: async () => Promise.reject(refused) } };
}

describe("dead-letters", () => {
  it("[HST-3] list tells room, sender, time, cause and failures, and no text", async () => {
    const queues = filled();
    const { host, native } = alone(queues);
    const outcome = await deadLetters.list(host, {});
    const text = outcome.lines.join("\n");
    for (const part of ["!r:hs", "@alice:hs", "model: 500", "10 ended the process", "dead-letters resubmit"]) expect(text).toContain(part);
    expect(text + JSON.stringify(outcome.json)).not.toContain("secret words");
    expect(outcome.json).toMatchObject({ deadLetters: [{ id: 3, failures: 3, eventId: "$e" }, { id: 9, roomId: null, crashes: 10 }] });
    expect(native.openedQueues).toEqual([{ accountId: "default", stateDir: "/state/matrix-rs/accounts/default", storePassphrase: undefined }]);
    expect(queues.closed).toBe(true);
    expect((await deadLetters.list(alone(new FakeQueues()).host, {})).lines.join()).toContain("No dead letters");
  });

  it("[HST-3] show adds the text, and an unknown id is an error", async () => {
    const shown = await deadLetters.show(alone(filled()).host, {}, ["3"]);
    expect(shown.lines.at(-1)).toBe("the secret words");
    expect((await deadLetters.show(alone(filled()).host, {}, ["9"])).lines.at(-1)).toBe("(no text)");
    await expect(deadLetters.show(alone(filled()).host, {}, ["7"])).rejects.toThrow(/no dead letter 7.*dead-letters list/);
    await expect(deadLetters.show(alone(filled()).host, {}, ["x"])).rejects.toThrow('"x" is no id');
  });

  it("[HST-3] resubmit and drop take ids or --all, and say what was not there", async () => {
    const queues = filled();
    const some = await deadLetters.resubmit(alone(queues).host, {}, ["3", "4"]);
    expect(some).toMatchObject({ json: { done: [3], unknown: [4] }, exitCode: 1 });
    expect(some.lines.join("\n")).toMatch(/1 resubmitted: 3[\s\S]*Not there: 4[\s\S]*No gateway is running/);
    expect(queues.resubmitted).toEqual([3]);
    expect(await deadLetters.drop(alone(queues).host, { all: true })).toMatchObject({ json: { done: [9], unknown: [] }, exitCode: 0 });
    expect(await deadLetters.drop(alone(queues).host, { all: true })).toMatchObject({ lines: ["Nothing dropped."], exitCode: 0 });
    await expect(deadLetters.resubmit(alone(queues).host, {}, [])).rejects.toThrow("--all");
    await expect(deadLetters.resubmit(alone(queues).host, { all: true }, ["3"])).rejects.toThrow("either");
  });

  it("[HST-3] with a gateway its own account's queues answer; a held folder says who holds it", async () => {
    const account = new FakeAccount();
    Object.assign(account.queues, { letters: filled().letters });
    const entry = { accountId: "default", account, resolved: () => ({}) as never, startedAt: 0 };
    enter(entry);
    try {
      const host: CommandHost = { cfg, call: async (method, _options, params) => METHODS[method as keyof typeof METHODS](params as Record<string, unknown>, cfg) as never };
      expect((await deadLetters.resubmit(host, { all: true })).json).toEqual({ done: [3, 9], unknown: [] });
      expect(account.queues).toMatchObject({ resubmitted: [3, 9], closed: false });
      await expect(METHODS["matrix.deadLetters.drop"]({ ids: ["1"] }, cfg)).rejects.toThrow("`ids`");
      await expect(METHODS["matrix.deadLetters.drop"]({}, cfg)).rejects.toThrow("--all");
    } finally {
      leave(entry);
    }
    const { host, native } = alone(new MatrixError("store_locked", "in use"));
    native.holder = { pid: 4711, since: 0 };
    await expect(deadLetters.list(host, {})).rejects.toThrow("process 4711");
  });
});

describe("outbox", () => {
  it("[OUT-7] list tells room, state, parts, tries, last error and age, and no text", async () => {
    const outcome = await outbox.list(alone(filled()).host, { verbose: true });
    const text = outcome.lines.join("\n");
    for (const part of ["1 of 3", "waiting until 20", "failed, may have arrived", "does not allow it", "3 h", "outbox retry"]) expect(text).toContain(part);
    expect((outcome.json as { messages: { state: string }[] }).messages.map(({ state }) => state)).toEqual(["queued", "waiting", "failed", "failed"]);
    expect((await outbox.list(alone(new FakeQueues()).host, {})).lines.join()).toContain("empty");
  });

  it("[OUT-7] retry and drop take ids or --all", async () => {
    const queues = filled();
    expect(await outbox.retry(alone(queues).host, {}, ["5"])).toMatchObject({ json: { done: [5], unknown: [] }, exitCode: 0 });
    expect(queues.retried).toEqual([5]);
    expect((await outbox.drop(alone(queues).host, { all: true })).json).toEqual({ done: [1, 2, 5, 6], unknown: [] });
    expect(queues.messages).toEqual([]);
  });

  it("an age is said in one unit", () => {
    const ago = (minutes: number) => outbox.age(new Date(NOW - minutes * 60_000).toISOString(), NOW);
    expect([ago(0), ago(119), ago(120), ago(60 * 47), ago(60 * 72), outbox.age(null)]).toEqual(["0 min", "119 min", "2 h", "47 h", "3 d", "?"]);
  });
});
