import { describe, expect, it } from "vitest";
import type { InboundEvent, LogRecord, OpenAccountOptions } from "../../../ts/native/account.ts";
import type * as Binding from "../../../ts/native/binding.d.ts";
import { isMatrixError } from "../../../ts/native/errors.ts";
import { type NativeBinding, wrap } from "../../../ts/native/wrap.ts";

const identity = { userId: "@bot:example.org", deviceId: "DEV", homeserver: "https://example.org/" };

/** A binding of which a test fills in what it calls. */
function bindingWith(account: Partial<Record<keyof Binding.Account, unknown>>, rest: Partial<NativeBinding> = {}): NativeBinding {
  return {
    version: () => "1.2.3",
    openAccount: async () => ({ identity, ...account }) as unknown as Binding.Account,
    ...rest,
  } as NativeBinding;
}

const open = (account: Partial<Record<keyof Binding.Account, unknown>>) => wrap(bindingWith(account)).openAccount({} as OpenAccountOptions);

describe("an account over the binding", () => {
  it("yields batches until the addon says there are no more", async () => {
    const waiting = [[{ seq: 1 }, { seq: 2 }], [{ seq: 3 }], null];
    const asked: number[] = [];
    const account = await open({
      nextBatch: async (max: number) => {
        asked.push(max);
        return waiting.shift();
      },
    });
    const seen: InboundEvent[][] = [];
    for await (const batch of account.batches({ max: 2 })) seen.push(batch);
    expect(seen.map((batch) => batch.map((event) => event.seq))).toEqual([[1, 2], [3]]);
    expect(asked).toEqual([2, 2, 2]);
  });

  it("says undefined where the addon says null", async () => {
    const nothing = async () => null;
    const account = await open({ member: nothing, resolveAlias: nothing, fetchMessage: nothing, healthAfter: nothing });
    expect([
      await account.member("!r:x", "@u:x"),
      await account.resolveAlias("#a:x"),
      await account.fetchMessage("!r:x", "$e"),
      await account.healthAfter(1),
    ]).toEqual([undefined, undefined, undefined, undefined]);
  });

  it("turns what the addon throws or rejects with into a MatrixError", async () => {
    const closed = Object.assign(new Error("the account is closed"), { code: "closed" });
    const account = await open({
      start: () => {
        throw closed;
      },
      health: () => Promise.reject(closed),
      leaveRoom: () => {
        throw closed;
      },
    });
    expect(() => account.start()).toThrow(expect.objectContaining({ name: "MatrixError", code: "closed" }));
    await expect(account.health()).rejects.toSatisfy((error) => isMatrixError(error, "closed"));
    await expect(account.leaveRoom("!r:x")).rejects.toSatisfy((error) => isMatrixError(error, "closed"));
  });

  it("knows who it is without asking", async () => {
    expect((await open({})).identity).toEqual(identity);
  });
});

describe("the log", () => {
  it("hands records on and survives a sink that throws", () => {
    let emit: ((record: Binding.LogRecord) => void) | undefined;
    const native = wrap(bindingWith({}, { setLogSink: (_level, sink) => void (emit = sink) }));
    const records: LogRecord[] = [];
    native.onLog("info", (record) => {
      records.push(record);
      throw new Error("the host's logger is gone");
    });
    const record: Binding.LogRecord = { level: "warn", target: "matrix_core::sync", message: "retrying" };
    expect(() => emit?.(record)).not.toThrow();
    expect(records).toEqual([record]);
  });
});
