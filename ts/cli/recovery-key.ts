/** The recovery key, in and out of a command. */
import { secretOption } from "./options.ts";
import type { CommandOptions } from "./run.ts";

export interface RecoveryKeyOptions extends CommandOptions {
  recoveryKey?: string;
  recoveryKeyStdin?: boolean;
}

/** The key that the command was given, if any. */
export function givenRecoveryKey(options: RecoveryKeyOptions, input?: AsyncIterable<Buffer | string>): Promise<string | undefined> {
  return secretOption(
    { value: options.recoveryKey, stdin: options.recoveryKeyStdin, flag: "--recovery-key", stdinFlag: "--recovery-key-stdin" },
    input,
  );
}

/** A key that has just been made: the person has to see it once, and this is the moment. */
export function newRecoveryKeyLines(created: boolean, key: string | undefined): string[] {
  if (!created) return [];
  if (key === undefined) {
    return ["There is a new recovery key. Read it with `openclaw matrix verify status --include-recovery-key --json`, and keep it where it cannot get lost."];
  }
  return [
    "",
    `Recovery key: ${key}`,
    "Keep it where it cannot get lost, outside this machine. With it a wiped device comes back verified and reads old messages;",
    "whoever has it can read everything. This account's folder keeps a sealed copy.",
  ];
}
