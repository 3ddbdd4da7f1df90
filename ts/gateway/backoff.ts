/** Pauses between tries: 2 s, doubling to 60 s, with a fifth of chance so that accounts do not march in step. */
const FIRST_MS = 2000;
const LONGEST_MS = 60_000;

/** @param attempt 1 for the first retry */
export function retryDelay(attempt: number, random: () => number = Math.random): number {
  const base = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(Math.max(0, attempt - 1), 10));
  return Math.round(base * (0.8 + 0.4 * random()));
}

/** Pauses before a turn the host refused is offered again: 1 s, doubling to 15 s; a person waits for its answer. */
export function refusalDelay(attempt: number): number {
  return Math.min(15_000, 1000 * 2 ** Math.min(Math.max(0, attempt - 1), 4));
}

/** Resolves after the pause, or at once when the signal fires. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}

/** Resolves when the signal fires. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
