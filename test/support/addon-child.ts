/** Bare Node processes around the addon, to see how they end. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { OpenAccountOptions } from "../../ts/native/account.ts";

const LOADER = fileURLToPath(new URL("../../ts/native/load.ts", import.meta.url));

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface AddonChild {
  readonly pid: number;
  /** The next line it prints. */
  line(): Promise<string>;
  /** Sends it a message: `process.on("message", …)` in its script, if it was started with `told`. */
  tell(message: object): void;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
}

/**
 * Runs `script`, a module's body, with `native` (the addon of `rootDir`) and `options` in
 * scope. The options travel over standard input: a password has no place in arguments.
 */
export function addonChild(rootDir: string, options: OpenAccountOptions | undefined, script: string, how: { env?: NodeJS.ProcessEnv; told?: boolean } = {}): AddonChild {
  const code = `
    import { text } from "node:stream/consumers";
    const { loadNative } = await import(${JSON.stringify(LOADER)});
    const native = loadNative(${JSON.stringify(rootDir)});
    const options = JSON.parse((await text(process.stdin)) || "null");
    ${script}
  `;
  const running = spawn(process.execPath, ["--input-type=module", "--eval", code], {
    env: { ...process.env, ...how.env },
    stdio: how.told ? ["pipe", "pipe", "pipe", "ipc"] : ["pipe", "pipe", "pipe"],
  }) as ChildProcessWithoutNullStreams;
  running.stdin.end(options ? JSON.stringify(options) : "");
  let stdout = "";
  let stderr = "";
  let read = 0;
  let over = false;
  let wake = Promise.withResolvers<void>();
  const woken = () => {
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };
  running.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
    woken();
  });
  running.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  const ended = new Promise<Ended>((resolve, reject) => {
    running.on("error", reject);
    running.on("close", (exitCode, signal) => {
      over = true;
      resolve({ code: exitCode, signal, stdout, stderr });
      woken();
    });
  });
  return {
    pid: running.pid ?? 0,
    async line() {
      for (;;) {
        const end = stdout.indexOf("\n", read);
        if (end >= 0) {
          const line = stdout.slice(read, end);
          read = end + 1;
          return line;
        }
        if (over) throw new Error(`the child ended without another line: ${stderr}`);
        await wake.promise;
      }
    },
    tell: (message) => void running.send(message),
    kill: (signal) => running.kill(signal),
    ended,
  };
}
