/** `openclaw matrix dead-letters …` (HST-3). */
import { type DeadLetterReport, deadLettersDrop, deadLettersList, deadLettersResubmit, deadLettersShow } from "../operations/dead-letters.ts";
import { entryId, handledExit, handledLines, queueCommand, selected, type SelectionOptions } from "./queue-command.ts";
import type { CommandOptions } from "./run.ts";
import { inline, moment, table } from "./text.ts";

const LIST = "openclaw matrix dead-letters list";

/** A moment of a report. */
function when(iso: string | null): string {
  return iso === null ? "?" : moment(Date.parse(iso));
}

function tries({ failures, crashes }: DeadLetterReport): string {
  return crashes === 0 ? `${failures}` : `${failures} + ${crashes} ended the process`;
}

export const list = queueCommand({
  operation: deadLettersList,
  params: () => ({}),
  lines: ({ deadLetters }, options: CommandOptions) => {
    if (deadLetters.length === 0) return ["No dead letters: every message was answered, or is still being tried."];
    const headings = ["Id", "Sent", "Room", "Sender", "Failures", "Cause", ...(options.verbose ? ["Event", "Given up"] : [])];
    const rows = deadLetters.map((letter) => [
      String(letter.id),
      when(letter.sentAt),
      letter.roomId ?? "?",
      letter.sender ?? "?",
      tries(letter),
      letter.cause,
      ...(options.verbose ? [letter.eventId ?? "", when(letter.failedAt)] : []),
    ]);
    return [...table(headings, rows), "", "Next: `openclaw matrix dead-letters resubmit <id>` has a message answered again, `… drop <id>` forgets it."];
  },
});

export const show = queueCommand({
  operation: deadLettersShow,
  params: (_options: CommandOptions, [id]) => ({ id: entryId(id, LIST) }),
  lines: (letter) => [
    `Dead letter ${letter.id}, from ${inline(letter.sender ?? "?")} in ${inline(letter.roomId ?? "?")}`,
    `Sent: ${when(letter.sentAt)}${letter.eventId ? `, event ${inline(letter.eventId)}` : ""}`,
    `Given up: ${when(letter.failedAt)}, after failures: ${tries(letter)}`,
    `Cause: ${inline(letter.cause)}`,
    "",
    letter.text ?? "(no text)",
  ],
});

export const resubmit = queueCommand({
  operation: deadLettersResubmit,
  params: (options: SelectionOptions, args) => selected(options, args, LIST),
  lines: (handled, _options, offline) => [
    ...handledLines(handled, "resubmitted", LIST),
    ...(offline && handled.done.length > 0 ? ["No gateway is running; they are answered when it runs."] : []),
  ],
  exitCode: handledExit,
});

export const drop = queueCommand({
  operation: deadLettersDrop,
  params: (options: SelectionOptions, args) => selected(options, args, LIST),
  lines: (handled) => handledLines(handled, "dropped", LIST),
  exitCode: handledExit,
});
