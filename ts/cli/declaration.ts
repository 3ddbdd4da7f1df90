/** How a command of `openclaw matrix` is declared, and how the host's command line learns of it. */
import { createLazyRuntimeModule } from "../host/lazy.ts";
import type { CliProgram } from "../host/types.ts";
import type { CommandHost, CommandOptions, CommandOutcome } from "./run.ts";

/**
 * A command's work.
 *
 * @typeParam O flags as commander names them: `--user-id` is `userId`
 */
export type CommandHandler<O extends CommandOptions = CommandOptions> = (host: CommandHost, options: O, args: string[]) => Promise<CommandOutcome>;

/** One command; every one has `--account`, `--json` and `--verbose` beside its own flags. */
export interface CommandDeclaration {
  /** The words after `openclaw matrix`, arguments as commander writes them: `verify device [key]`. */
  words: string;
  summary: string;
  /** Flags of its own and what they mean, in commander's spelling: `--user-id <id>`. */
  flags?: Readonly<Record<string, string>>;
  /** How an error looks with `--json`: `{"error"}`, or with `"success": false` before it. */
  failure?: "error" | "success";
  /** Loads the work when somebody calls the command. */
  load: () => Promise<CommandHandler<never>>;
}

/** The flags every command has (ACC-5). */
const COMMON_FLAGS = {
  "--account <id>": "account to act on (default: channels.matrix.defaultAccount)",
  "--json": "print one JSON document",
  "--verbose": "print every detail",
};

const loadRun = createLazyRuntimeModule(() => import("./run.ts"));

/**
 * Declares the commands.
 *
 * @param groups what the words before the last one stand for: `verify backup` → "The backup of …"
 */
export function declareCommands(
  root: CliProgram,
  groups: Readonly<Record<string, string>>,
  commands: readonly CommandDeclaration[],
  host: CommandHost,
): void {
  const known = new Map<string, CliProgram>([["", root]]);
  const group = (path: string): CliProgram => {
    const there = known.get(path);
    if (there) return there;
    const cut = path.lastIndexOf(" ");
    const made = group(path.slice(0, Math.max(cut, 0))).command(path.slice(cut + 1));
    made.description(groups[path] ?? "");
    known.set(path, made);
    return made;
  };
  for (const declared of commands) {
    const { parent, name } = splitWords(declared.words);
    const command = group(parent).command(name).description(declared.summary);
    for (const [flags, meaning] of Object.entries({ ...declared.flags, ...COMMON_FLAGS })) command.option(flags, meaning);
    command.action((...given: unknown[]) => perform(declared, host, given));
  }
}

/** `verify backup status <id>`: the groups, and the command with its arguments. */
function splitWords(words: string): { parent: string; name: string } {
  const all = words.split(" ");
  const firstArgument = all.findIndex((word) => /^[<[]/.test(word));
  const own = (firstArgument === -1 ? all.length : firstArgument) - 1;
  return { parent: all.slice(0, own).join(" "), name: all.slice(own).join(" ") };
}

/** Runs a command's work and turns its outcome into output and exit code. */
async function perform(declared: CommandDeclaration, host: CommandHost, given: unknown[]): Promise<void> {
  // Commander: the arguments, then the options, then the command itself.
  const options = given.at(-2) as CommandOptions;
  const args = given.slice(0, -2).flat().filter((one) => typeof one === "string");
  const { finish } = await loadRun();
  const work = async () => (await declared.load())({ ...host, verbose: options.verbose ?? false }, options as never, args);
  await finish(options.json ?? false, work, undefined, declared.failure, options.account);
}
