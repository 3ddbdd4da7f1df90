// The user's cache folder: what is fetched or built once and used by every checkout.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** `$XDG_CACHE_HOME/openclaw-matrix-rs`, or the same under `~/.cache`. */
export function cacheDir() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "openclaw-matrix-rs");
}

/** @param {string} file */
function holderOf(file) {
  try {
    return Number(readFileSync(file, "utf8"));
  } catch {
    return 0;
  }
}

/** @param {number} pid */
function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}

/**
 * One process at a time per name, across checkouts. A lock whose holder died is taken over.
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(name, work) {
  const lock = join(cacheDir(), "locks", `${name}.lock`);
  mkdirSync(join(cacheDir(), "locks"), { recursive: true });
  let told = false;
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
    }
    const holder = holderOf(lock);
    // An empty file is a lock being written; a dead holder leaves one behind.
    if (holder && !alive(holder) && holderOf(lock) === holder) {
      rmSync(lock, { force: true });
      continue;
    }
    if (!told) {
      process.stderr.write(`  waiting for process ${holder}, which holds ${lock}\n`);
      told = true;
    }
    await pause(500);
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/**
 * Makes `<cache>/<name>` once. A folder without its completion mark, left by a run that was
 * interrupted, is made anew; `work` fills it in place because venvs carry absolute paths.
 * @param {string} name Carries every version and hash that decides the contents.
 * @param {(dir: string) => Promise<void>} work
 * @returns {Promise<string>} the folder
 */
export async function installOnce(name, work) {
  const dir = join(cacheDir(), name);
  const mark = join(dir, ".complete");
  if (existsSync(mark)) return dir;
  return withLock(name, async () => {
    if (existsSync(mark)) return dir;
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true });
    await work(dir);
    writeFileSync(mark, `${new Date().toISOString()}\n`);
    return dir;
  });
}
