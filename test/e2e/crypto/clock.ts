import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Adds the seconds that a file holds to what the time of day is; time that is measured goes on as it is. */
const SHIM = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, now);
  if (result == 0 && clock == CLOCK_REALTIME) {
    char text[32] = {0};
    const char *path = getenv("SHIFTED_CLOCK");
    int file = path ? open(path, O_RDONLY) : -1;
    if (file >= 0) {
      if (read(file, text, sizeof text - 1) > 0) now->tv_sec += atol(text);
      close(file);
    }
  }
  return result;
}
`;

/** A clock for another process (Linux), moved from here. Needs the C compiler that Rust needs too. */
export class ShiftedClock {
  readonly #file: string;
  readonly #library: string;

  constructor(dir: string) {
    this.#file = join(dir, "seconds");
    this.#library = join(dir, "clock.so");
    this.shift(0);
    execFileSync("cc", ["-shared", "-fPIC", "-x", "c", "-o", this.#library, "-", "-ldl"], { input: SHIM });
  }

  get env(): NodeJS.ProcessEnv {
    return { LD_PRELOAD: this.#library, SHIFTED_CLOCK: this.#file };
  }

  /** Seconds ahead of the real clock. */
  shift(seconds: number): void {
    writeFileSync(this.#file, String(seconds));
  }
}
