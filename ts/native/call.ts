/** A call into the addon, with the errors and absent values of the contract. */
import { fromNative } from "./errors.ts";

/** A call into the addon: it may throw at once (an argument of the wrong type) or reject. */
export async function call<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fromNative(error);
  }
}

/** The addon says `null` where there is nothing; the contract says undefined. */
export async function find<T>(work: () => Promise<T | null | undefined>): Promise<T | undefined> {
  return (await call(work)) ?? undefined;
}
