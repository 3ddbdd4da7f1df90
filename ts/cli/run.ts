/** How a command reaches an account, and how it ends. */
import { type HostConfig, resolveMatrixAccount, toOpenAccountOptions } from "../config/accounts.ts";
import { processEnvironment } from "../config/env.ts";
import { selectAccount } from "../config/select.ts";
import { resolveStateDir } from "../host/paths.ts";
import { callGatewayFromCli, isGatewayClientRequestError, isGatewayTransportError } from "../host/rpc.ts";
import type { Account, Native } from "../native/account.ts";
import { isMatrixError, MatrixError } from "../native/errors.ts";
import { loadNative } from "../native/load.ts";

/** What a command prints and how it exits. */
export interface CommandOutcome {
  /** For `--json`. */
  json: unknown;
  /** For people. */
  lines: string[];
  exitCode: number;
}

/** Time for a gateway method, in milliseconds; a busy gateway answers late. */
const GATEWAY_TIMEOUT_MS = 30_000;

/** What a command takes from its surroundings; tests bring their own. */
export interface CommandHost {
  cfg: HostConfig;
  rootDir?: string;
  call?: typeof callGatewayFromCli;
  native?: () => Native;
  stateRoot?: string;
}

/**
 * Asks the running gateway; with none, opens the account under its lock, without
 * starting a sync. The process that owns the store is the only one that touches it.
 *
 * @param locally the same question, put to the account itself
 * @throws Error whose message says what to do
 */
export async function onGatewayOrAccount<T>(
  host: CommandHost,
  stated: string | undefined,
  method: string,
  params: Record<string, unknown>,
  locally: (account: Account) => Promise<T>,
): Promise<T> {
  const accountId = selectAccount(host.cfg, stated);
  const call = host.call ?? callGatewayFromCli;
  try {
    return (await call(method, { timeout: String(GATEWAY_TIMEOUT_MS) }, { ...params, accountId }, { progress: false })) as T;
  } catch (error) {
    if (!gatewayIsAbsent(error)) throw error;
  }
  return withOwnAccount(host, accountId, locally);
}

/** No gateway at all, or one in which this plugin does not run: then nobody else has the account open. */
function gatewayIsAbsent(error: unknown): boolean {
  if (isGatewayTransportError(error)) return true;
  return isGatewayClientRequestError(error) && /unknown method/i.test(error.message);
}

async function withOwnAccount<T>(host: CommandHost, accountId: string, run: (account: Account) => Promise<T>): Promise<T> {
  const resolved = resolveMatrixAccount(host.cfg, accountId);
  if (resolved.issue) throw new Error(resolved.issue);
  if (host.rootDir === undefined && !host.native) {
    throw new Error("No gateway is running, and this command does not know the plugin's folder; start the gateway with `openclaw gateway run`.");
  }
  const native = host.native?.() ?? loadNative(host.rootDir ?? "");
  const options = toOpenAccountOptions(resolved, { stateRoot: host.stateRoot ?? resolveStateDir(), env: processEnvironment() });
  let account: Account;
  try {
    account = await native.openAccount(options);
  } catch (error) {
    throw await lockedBy(error, native, options.stateDir, accountId);
  }
  try {
    return await run(account);
  } finally {
    await account.close();
  }
}

/** The refused lock as a sentence that says who holds it; any other error as it is. */
async function lockedBy(refusal: unknown, native: Native, stateDir: string, accountId: string): Promise<unknown> {
  if (!isMatrixError(refusal, "store_locked")) return refusal;
  const holder = await native.lockHolder(stateDir).catch(() => undefined);
  const who = holder ? `process ${holder.pid}, since ${new Date(holder.since).toISOString()}` : "another process";
  return new MatrixError(
    "store_locked",
    `The Matrix account "${accountId}" is held by ${who} (store_locked), and no gateway answered. Stop that process, or wait until the gateway is ready and try again.`,
  );
}

/** Text of others in a terminal: no control characters, no reordering of what surrounds it. */
export function terminalText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is taken out
  return text.replace(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g, "");
}

export interface Output {
  write: (text: string) => Promise<void>;
  writeError: (text: string) => Promise<void>;
  exit: (code: number) => void;
}

function toStream(stream: NodeJS.WriteStream): (text: string) => Promise<void> {
  return (text) => new Promise((resolve) => stream.write(text, () => resolve()));
}

const terminal: Output = {
  write: toStream(process.stdout),
  writeError: toStream(process.stderr),
  // Connections the host keeps open would hold a finished command.
  exit: (code) => process.exit(code),
};

/** Prints the outcome, or the error in the form that was asked for, and ends the process. */
export async function finish(json: boolean, work: () => Promise<CommandOutcome>, output: Output = terminal): Promise<void> {
  try {
    const outcome = await work();
    await output.write(json ? `${JSON.stringify(outcome.json, null, 2)}\n` : `${outcome.lines.map(terminalText).join("\n")}\n`);
    output.exit(outcome.exitCode);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (json) await output.write(`${JSON.stringify({ error: message }, null, 2)}\n`);
    else await output.writeError(`${terminalText(message)}\n`);
    output.exit(1);
  }
}
