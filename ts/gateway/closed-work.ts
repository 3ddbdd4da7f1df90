/** Work on an account's folder that needs the account closed: done between two of its openings. */
import { MatrixError } from "../native/errors.ts";

interface Job {
  run: () => Promise<void>;
  refuse: (error: Error) => void;
}

export class ClosedWork {
  readonly #jobs: Job[] = [];
  #call = new AbortController();
  #over = false;

  /** Fires when work waits: whoever has the account open lets go of it. */
  get called(): AbortSignal {
    return this.#call.signal;
  }

  /**
   * Has the work done as soon as the account is closed; it is opened again afterwards.
   *
   * @throws MatrixError `closed` if the account is stopped before its turn
   */
  do<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const refuse = reject;
      if (this.#over) return refuse(stopped());
      this.#jobs.push({ run: () => work().then(resolve, reject), refuse });
      this.#call.abort();
    });
  }

  /**
   * Does what waits; to be called while the account is closed.
   *
   * @returns whether there was anything
   */
  async perform(): Promise<boolean> {
    if (this.#jobs.length === 0) return false;
    for (let job = this.#jobs.shift(); job; job = this.#jobs.shift()) await job.run();
    this.#call = new AbortController();
    return true;
  }

  /** Nobody opens the account any more. */
  end(): void {
    this.#over = true;
    for (const job of this.#jobs.splice(0)) job.refuse(stopped());
  }
}

function stopped(): MatrixError {
  return new MatrixError("closed", "The account was stopped before this could be done; run it again.");
}
