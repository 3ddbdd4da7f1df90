/** How a command reaches an account, and how it ends. */
import { type HostConfig, resolveMatrixAccount, toOpenAccountOptions } from "../config/accounts.ts";
import { processEnvironment } from "../config/env.ts";
import { selectAccount } from "../config/select.ts";
import { resolveStateDir } from "../host/paths.ts";
import { callGatewayFromCli, isGatewayClientRequestError, isGatewayTransportError } from "../host/rpc.ts";
import type { Account, Native } from "../native/account.ts";
import { isMatrixError, MatrixError } from "../native/errors.ts";
import { loadNative } from "../native/load.ts";
import type { Operation, OperationContext } from "../operations/operation.ts";
import type { Waiting } from "./approval.ts";
import { forAccount, terminalText } from "./text.ts";

export { terminalText } from "./text.ts";

/** The flags every command has, as commander reads them. */
export interface CommandOptions {
  account?: string;
  json?: boolean;
  verbose?: boolean;
}

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

/** The same while a person waits for another device: one question may be answered only when something happens. */
const SESSION_TIMEOUT_MS = 60_000;

/** What a command takes from its surroundings; tests bring their own. */
export interface CommandHost {
  cfg: HostConfig;
  rootDir?: string;
  /** Shows the core's log where the command opens the account itself. */
  verbose?: boolean;
  call?: typeof callGatewayFromCli;
  native?: () => Native;
  stateRoot?: string;
  waiting?: Waiting;
}

/**
 * Asks the running gateway; with none, opens the account under its lock, without
 * starting a sync. The process that owns the store is the only one that touches it.
 *
 * @param locally the same question, put to the account itself
 * @param timeoutMs time the gateway has for it
 * @throws Error whose message says what to do
 */
export async function onGatewayOrAccount<T>(
  host: CommandHost,
  stated: string | undefined,
  method: string,
  params: Record<string, unknown>,
  locally: (account: Account, context: OperationContext) => Promise<T>,
  timeoutMs?: number,
): Promise<T> {
  return onGatewayOr(host, stated, method, params, (accountId) => withOwnAccount(host, accountId, locally), timeoutMs);
}

/**
 * Asks the running gateway; with none, does it another way.
 *
 * @param otherwise what the command does itself, for the account meant
 * @throws Error whose message says what to do
 */
export async function onGatewayOr<T>(
  host: CommandHost,
  stated: string | undefined,
  method: string,
  params: Record<string, unknown>,
  otherwise: (accountId: string) => Promise<T>,
  timeoutMs: number = GATEWAY_TIMEOUT_MS,
): Promise<T> {
  const accountId = selectAccount(host.cfg, stated);
  const call = host.call ?? callGatewayFromCli;
  try {
    return (await call(method, { timeout: String(timeoutMs) }, { ...params, accountId }, { progress: false })) as T;
  } catch (error) {
    if (!gatewayIsAbsent(error)) throw inTime(error, timeoutMs);
  }
  return otherwise(accountId);
}

/**
 * Several questions to one account: all to the running gateway, or, with none, all to the account, which stays
 * open in between.
 *
 * @param work asks; begins again from its start if the very first question finds no gateway
 * @throws Error whose message says what to do
 */
export async function askingAccount<T>(
  host: CommandHost,
  stated: string | undefined,
  work: (ask: <P extends object, R>(operation: Operation<string, P, R>, params: P) => Promise<R>) => Promise<T>,
): Promise<T> {
  const accountId = selectAccount(host.cfg, stated);
  const call = host.call ?? callGatewayFromCli;
  let answered = false;
  try {
    return await work(async (operation, params) => {
      const answer = await call(operation.method, { timeout: String(SESSION_TIMEOUT_MS) }, { ...params, accountId }, { progress: false });
      answered = true;
      return answer as Awaited<ReturnType<typeof operation.run>>;
    });
  } catch (error) {
    if (!gatewayIsAbsent(error)) throw inTime(error, SESSION_TIMEOUT_MS);
    if (answered) throw new MatrixError("closed", "The gateway went away in the middle of it. See `openclaw gateway status`, then begin again.");
  }
  return withOwnAccount(host, accountId, (account, context) => work((operation, params) => operation.run(account, params, context)));
}

/** No gateway at all, or one in which this plugin does not run: then nobody else has the account open. */
function gatewayIsAbsent(error: unknown): boolean {
  if (isGatewayTransportError(error)) return error.kind !== "timeout";
  return isGatewayClientRequestError(error) && /unknown method/i.test(error.message);
}

/** A gateway that answers late is at work: what was asked may still happen, and the store is its own. */
function inTime(error: unknown, timeoutMs: number): unknown {
  if (!isGatewayTransportError(error)) return error;
  return new MatrixError(
    "timeout",
    `The gateway did not answer within ${Math.round(timeoutMs / 1000)} s; what was asked may still be under way. See \`openclaw gateway status\` and \`openclaw logs\`, then ask again.`,
  );
}

/** The addon in this process. */
export function ownNative(host: CommandHost): Native {
  if (host.rootDir === undefined && !host.native) {
    throw new Error("No gateway is running, and this command does not know the plugin's folder; start the gateway with `openclaw gateway run`.");
  }
  const native = host.native?.() ?? loadNative(host.rootDir ?? "");
  if (host.verbose) native.onLog("info", ({ level, target, message }) => void terminal.writeError(`${level} ${target}: ${terminalText(message)}\n`));
  return native;
}

/**
 * Opens the account under its lock, without starting a sync.
 *
 * @throws MatrixError `store_locked` saying who has it open; what opening it gave
 */
export async function withOwnAccount<T>(host: CommandHost, accountId: string, run: (account: Account, context: OperationContext) => Promise<T>): Promise<T> {
  const resolved = resolveMatrixAccount(host.cfg, accountId);
  if (resolved.issue) throw new Error(resolved.issue);
  const native = ownNative(host);
  const options = toOpenAccountOptions(resolved, { stateRoot: host.stateRoot ?? resolveStateDir(), env: processEnvironment() });
  let account: Account;
  try {
    account = await native.openAccount(options);
  } catch (error) {
    throw await lockedBy(error, native, options.stateDir, accountId);
  }
  try {
    return await run(account, { accountId, cfg: host.cfg, resolved });
  } finally {
    await account.close();
  }
}

/** The refused lock as a sentence that says who holds it; any other error as it is. */
export async function lockedBy(refusal: unknown, native: Native, stateDir: string, accountId: string): Promise<unknown> {
  if (!isMatrixError(refusal, "store_locked")) return refusal;
  const holder = await native.lockHolder(stateDir).catch(() => undefined);
  const who = holder ? `process ${holder.pid}, since ${new Date(holder.since).toISOString()}` : "another process";
  return new MatrixError(
    "store_locked",
    `The Matrix account "${accountId}" is held by ${who} (store_locked), and no gateway answered. Stop that process, or wait until the gateway is ready and try again.`,
  );
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

/**
 * Prints the outcome, or the error in the form that was asked for, and ends the process.
 *
 * @param failure how an error looks as JSON; the commands that have a `success` of their own have it there, too
 * @param accountId the account that was given, for the commands that are named to people
 */
export async function finish(
  json: boolean,
  work: () => Promise<CommandOutcome>,
  output: Output = terminal,
  failure: "error" | "success" = "error",
  accountId?: string,
): Promise<void> {
  try {
    const outcome = await work();
    await output.write(json ? `${JSON.stringify(outcome.json, null, 2)}\n` : `${outcome.lines.map((line) => terminalText(forAccount(line, accountId))).join("\n")}\n`);
    output.exit(outcome.exitCode);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (json) await output.write(`${JSON.stringify({ ...(failure === "success" && { success: false }), error: message }, null, 2)}\n`);
    else await output.writeError(`${terminalText(forAccount(message, accountId))}\n`);
    output.exit(1);
  }
}
