/** The core's log lines in the host's log, each with the account it is about. */
import type { ChannelLogSink } from "../host/types.ts";
import type { LogRecord, Native } from "../native/account.ts";

/** One sink per account and one core for all: records find theirs by account id. */
const KEY = Symbol.for("openclaw-matrix-rs.logs.1");

function sinks(): Map<string, ChannelLogSink> {
  const holder = globalThis as { [KEY]?: Map<string, ChannelLogSink> };
  holder[KEY] ??= new Map();
  return holder[KEY];
}

/** Our own crates; what the libraries beneath them say is detail, since what becomes of it is said by ours. */
const OURS = /^matrix_(?:core|node)(?:::|$)/;

export function writeRecord(record: LogRecord, log: ChannelLogSink): void {
  const line = `${record.accountId ? `[${record.accountId}] ` : ""}${record.message}`;
  if (!OURS.test(record.target)) log.debug?.(`${line} (${record.target})`);
  else if (record.level === "error") log.error(line);
  else if (record.level === "warn") log.warn(line);
  else if (record.level === "info") log.info(line);
  else log.debug?.(line);
}

export function bridgeLogs(native: Native, accountId: string, log: ChannelLogSink): void {
  const known = sinks();
  known.set(accountId, log);
  native.onLog("info", (record) => {
    const sink = (record.accountId === undefined ? undefined : known.get(record.accountId)) ?? known.values().next().value;
    if (sink) writeRecord(record, sink);
  });
}
