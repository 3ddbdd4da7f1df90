/** Text for a terminal. */

/** Text of others in a terminal: no control characters, no reordering of what surrounds it. Tabs and line ends stay. */
export function terminalText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is taken out
  return text.replace(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/g, "");
}

/** Text of others inside a line of ours: it cannot begin a line of its own. */
export function inline(text: string): string {
  return terminalText(text.replace(/\s+/g, " ")).trim();
}

export function yesNo(value: boolean | null): string {
  return value === null ? "unknown" : value ? "yes" : "no";
}

/** A moment, given in milliseconds since the Unix epoch, as people compare it: in UTC, to the second. */
export function moment(at: number): string {
  return new Date(at).toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
}

/** Rows under their headings, in columns two blanks apart. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [headings, ...rows.map((row) => row.map(inline))];
  const widths = headings.map((_heading, column) => Math.max(...all.map((row) => [...(row[column] ?? "")].length)));
  return all.map((row) =>
    row
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - [...cell].length))
      .join("  ")
      .trimEnd(),
  );
}

/**
 * The commands a text names, so that they can be typed as they stand by somebody who has said which account is meant.
 *
 * @param accountId as it was given; undefined leaves the text alone, for commands then take the same account again
 */
export function forAccount(text: string, accountId: string | undefined): string {
  if (accountId === undefined) return text;
  return text.replace(/`openclaw matrix [^`]+`/g, (command) =>
    /\s--account\s|…|^`openclaw matrix account /.test(command) ? command : `${command.slice(0, -1)} --account ${inline(accountId)}\``,
  );
}

/** A text of somebody's as a sentence before another one. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
