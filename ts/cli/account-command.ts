/** Commands that ask one account one thing: the running gateway first, the account itself without one. */
import type { Operation } from "../operations/operation.ts";
import { type CommandHost, type CommandOptions, type CommandOutcome, onGatewayOrAccount } from "./run.ts";

/**
 * @typeParam P the operation's parameters
 * @typeParam R its answer
 * @typeParam O the command's flags
 */
export interface AccountCommand<P extends object, R, O extends CommandOptions> {
  operation: Operation<string, P, R>;
  /** The operation's parameters out of flags and arguments; the place for errors that name a flag. */
  params: (options: O, args: string[]) => P | Promise<P>;
  /** A last look at the answer, before anything is printed. */
  check?: (result: R, options: O) => void;
  /** The answer for people; for scripts it is printed as it is. */
  lines: (result: R, options: O) => string[];
  /** 0 unless said. */
  exitCode?: (result: R) => number;
  /** Time the gateway has, in milliseconds, for work that takes longer than the usual. */
  timeoutMs?: (params: P) => number;
  /** How often it is asked until the answer is final; once unless said. */
  until?: (ask: () => Promise<R>, host: CommandHost, options: O) => Promise<R>;
}

export function accountCommand<P extends object, R, O extends CommandOptions = CommandOptions>(
  command: AccountCommand<P, R, O>,
): (host: CommandHost, options: O, args?: string[]) => Promise<CommandOutcome> {
  return async (host, options, args = []) => {
    const params = await command.params(options, args);
    const { operation } = command;
    const ask = () =>
      onGatewayOrAccount<R>(
        host,
        options.account,
        operation.method,
        params as Record<string, unknown>,
        (account, context) => operation.run(account, params, context),
        command.timeoutMs?.(params),
      );
    const result = await (command.until?.(ask, host, options) ?? ask());
    command.check?.(result, options);
    return { json: result, lines: command.lines(result, options), exitCode: command.exitCode?.(result) ?? 0 };
  };
}
