/** `openclaw matrix outbox …`. */
import { outboxDrop, outboxList, outboxRetry, type UnsentReport } from "../operations/outbox.ts";
import { handledExit, handledLines, queueCommand, selected, type SelectionOptions } from "./queue-command.ts";
import type { CommandOptions } from "./run.ts";
import { moment, table } from "./text.ts";

const LIST = "openclaw matrix outbox list";

function when(iso: string | null): string {
  return iso === null ? "" : moment(Date.parse(iso));
}

/** Rounded, as people say it. */
export function age(iso: string | null, now: number = Date.now()): string {
  if (iso === null) return "?";
  const minutes = Math.max(0, Math.floor((now - Date.parse(iso)) / 60_000));
  if (minutes < 120) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 60 / 24)} d`;
}

function stateOf(message: UnsentReport): string {
  if (message.state === "waiting") return `waiting until ${when(message.waitingUntil)}`;
  return message.inDoubt ? "failed, may have arrived" : message.state;
}

export const list = queueCommand({
  operation: outboxList,
  params: () => ({}),
  lines: ({ messages }, options: CommandOptions) => {
    if (messages.length === 0) return ["The outbox is empty: every message was sent."];
    const headings = ["Id", "Room", "State", "Sent", "Tries", "Age", "Last error", ...(options.verbose ? ["Stored", "Given up"] : [])];
    const rows = messages.map((message) => [
      String(message.id),
      message.roomId ?? "?",
      stateOf(message),
      `${message.sent} of ${message.parts}`,
      String(message.attempts),
      age(message.createdAt),
      message.error ?? "",
      ...(options.verbose ? [when(message.createdAt), when(message.expiresAt)] : []),
    ]);
    return [...table(headings, rows), "", "Next: `openclaw matrix outbox retry <id>` has a message tried at once, `… drop <id>` gives it up."];
  },
});

export const retry = queueCommand({
  operation: outboxRetry,
  params: (options: SelectionOptions, args) => selected(options, args, LIST),
  lines: (handled, _options, offline) => [
    ...handledLines(handled, "queued to be tried at once", LIST),
    ...(offline && handled.done.length > 0 ? ["No gateway is running; they are sent when it runs."] : []),
  ],
  exitCode: handledExit,
});

export const drop = queueCommand({
  operation: outboxDrop,
  params: (options: SelectionOptions, args) => selected(options, args, LIST),
  lines: (handled) => handledLines(handled, "dropped", LIST),
  exitCode: handledExit,
});
