/** Commands on an account's queues: the running gateway first, the queues alone without one. */
import { type HostConfig, resolveMatrixAccount, toOpenQueuesOptions } from "../config/accounts.ts";
import { resolveStateDir } from "../host/paths.ts";
import type { Queues } from "../native/queues.ts";
import type { Handled, QueueOperation, Selection } from "../operations/queue-operation.ts";
import { type CommandHost, type CommandOptions, type CommandOutcome, lockedBy, onGatewayOr, ownNative } from "./run.ts";

/** See `AccountCommand`. */
export interface QueueCommand<P extends object, R, O extends CommandOptions> {
  operation: QueueOperation<string, P, R>;
  params: (options: O, args: string[]) => P;
  lines: (result: R, options: O, offline: boolean) => string[];
  exitCode?: (result: R) => number;
}

export function queueCommand<P extends object, R, O extends CommandOptions = CommandOptions>(
  command: QueueCommand<P, R, O>,
): (host: CommandHost, options: O, args?: string[]) => Promise<CommandOutcome> {
  return async (host, options, args = []) => {
    const params = command.params(options, args);
    const { operation } = command;
    let offline = false;
    const result = await onGatewayOr<R>(host, options.account, operation.method, params as Record<string, unknown>, (accountId) => {
      offline = true;
      return withQueues(host, accountId, (queues) => operation.run(queues, params));
    });
    return { json: result, lines: command.lines(result, options, offline), exitCode: command.exitCode?.(result) ?? 0 };
  };
}

async function withQueues<T>(host: CommandHost, accountId: string, run: (queues: Queues) => Promise<T>): Promise<T> {
  const native = ownNative(host);
  const resolved = resolveMatrixAccount(host.cfg as HostConfig, accountId);
  const options = toOpenQueuesOptions(resolved, host.stateRoot ?? resolveStateDir());
  let queues: Queues;
  try {
    queues = await native.openQueues(options);
  } catch (error) {
    throw await lockedBy(error, native, options.stateDir, accountId);
  }
  try {
    return await run(queues);
  } finally {
    await queues.close();
  }
}

/** Flags of a command that acts on entries. */
export interface SelectionOptions extends CommandOptions {
  all?: boolean;
}

/** @throws Error naming what to give: ids or --all */
export function selected(options: SelectionOptions, args: string[], list: string): Selection {
  const all = options.all ?? false;
  if (all === args.length > 0) throw new Error(`Give either the ids of \`${list}\` or --all.`);
  return { ids: args.map((arg) => entryId(arg, list)), all };
}

/** @throws Error naming the command that lists the ids */
export function entryId(text: string | undefined, list: string): number {
  if (text === undefined || !/^\d{1,15}$/.test(text)) throw new Error(`"${text ?? ""}" is no id; \`${list}\` shows them.`);
  return Number(text);
}

/** What became of a selection, for people. */
export function handledLines({ done, unknown }: Handled, did: string, list: string): string[] {
  const lines = [done.length === 0 ? `Nothing ${did}.` : `${done.length} ${did}: ${done.join(", ")}`];
  if (unknown.length > 0) lines.push(`Not there: ${unknown.join(", ")}; see \`${list}\`.`);
  return lines;
}

export function handledExit({ unknown }: Handled): number {
  return unknown.length > 0 ? 1 : 0;
}
