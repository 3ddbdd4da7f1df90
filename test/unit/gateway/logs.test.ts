import { describe, expect, it } from "vitest";
import { bridgeLogs, writeRecord } from "../../../ts/gateway/logs.ts";
import type { LogRecord } from "../../../ts/native/account.ts";
import { FakeAccount } from "../support/fake-account.ts";
import { FakeNative } from "../support/running.ts";

function sink() {
  const lines: string[] = [];
  const write = (level: string) => (line: string) => void lines.push(`${level} ${line}`);
  return { lines, log: { error: write("error"), warn: write("warn"), info: write("info"), debug: write("debug") } };
}

describe("the core's log", () => {
  it("[STA-5] our own lines keep their level and name their account", () => {
    const { lines, log } = sink();
    for (const level of ["error", "warn", "info", "debug"] as const) writeRecord({ level, target: "matrix_core::sync", message: level, accountId: "ops" }, log);
    expect(lines).toEqual(["error [ops] error", "warn [ops] warn", "info [ops] info", "debug [ops] debug"]);
  });

  it("[STA-5] what the libraries beneath say is detail", () => {
    const { lines, log } = sink();
    writeRecord({ level: "error", target: "matrix_sdk::http_client", message: "404" }, log);
    writeRecord({ level: "warn", target: "matrix_core_impostor", message: "x" }, log);
    expect(lines).toEqual(["debug 404 (matrix_sdk::http_client)", "debug x (matrix_core_impostor)"]);
  });

  it("[ACC-9] each account's lines go to that account's log", () => {
    let write: (record: LogRecord) => void = () => undefined;
    const native = new FakeNative(() => new FakeAccount());
    native.onLog = ((_level: string, into: (record: LogRecord) => void) => (write = into)) as typeof native.onLog;
    const [one, two] = [sink(), sink()];
    bridgeLogs(native, "log-one", one.log);
    bridgeLogs(native, "log-two", two.log);
    write({ level: "info", target: "matrix_core", message: "hello", accountId: "log-one" });
    expect(one.lines).toEqual(["info [log-one] hello"]);
    expect(two.lines).toEqual([]);
  });
});
