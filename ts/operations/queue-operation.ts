/**
 * What a command asks of an account's queues. They are there without a login: an account
 * that cannot start, or that nobody runs, still shows what it holds.
 */
import type { Queues } from "../native/queues.ts";
import { MatrixError } from "../native/errors.ts";
import { flag, type RawParams } from "./operation.ts";

/** See `Operation`; this one needs the queues alone. */
export interface QueueOperation<M extends string, P extends object, R> {
  readonly method: M;
  readonly read: (params: RawParams) => P;
  readonly run: (queues: Queues, params: P) => Promise<R>;
}

/** Declares one; for its types' sake. */
export function queueOperation<const M extends string, P extends object, R>(declared: QueueOperation<M, P, R>): QueueOperation<M, P, R> {
  return declared;
}

/** Which entries are meant: some by their ids, or all that are there. */
export interface Selection {
  ids: number[];
  all: boolean;
}

/** @throws MatrixError `config_invalid` if neither or both are given */
export function selection(params: RawParams): Selection {
  const ids = params.ids ?? [];
  const all = flag(params, "all");
  if (!Array.isArray(ids) || !ids.every((id) => Number.isSafeInteger(id))) throw new MatrixError("config_invalid", "The parameter `ids` must be a list of whole numbers.");
  if (all === ids.length > 0) throw new MatrixError("config_invalid", "Give either ids or --all.");
  return { ids: ids as number[], all };
}

/** What became of a selection. */
export interface Handled {
  /** Ids that were acted on. */
  done: number[];
  /** Ids that are none, or no longer. */
  unknown: number[];
}

export async function handle({ ids, all }: Selection, list: () => Promise<{ id: number }[]>, act: (ids: number[]) => Promise<number[]>): Promise<Handled> {
  const meant = all ? (await list()).map(({ id }) => id) : ids;
  const done = meant.length > 0 ? await act(meant) : [];
  return { done, unknown: all ? [] : meant.filter((id) => !done.includes(id)) };
}

/** A moment as the reports say it. */
export function iso(at: number | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString();
}
