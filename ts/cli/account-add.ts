/**
 * `openclaw matrix account add`: the account is opened under its lock as the configuration
 * will say, before the configuration says so. So a login that does not work writes nothing,
 * and no gateway can be in the way of an account that it does not know yet.
 */
import { DEFAULT_ACCOUNT_ID, type HostConfig, normalizeAccountId, resolveMatrixAccount } from "../config/accounts.ts";
import { editAccount, promoteTopLevel, writtenPath } from "../config/edit.ts";
import { applySetupInput, type SetupInput, setupInputProblem } from "../config/setup-input.ts";
import { configFile as hostConfigFile, type ConfigFile } from "../host/config-file.ts";
import { isMatrixError, MatrixError, type MatrixErrorCode } from "../native/errors.ts";
import { type AddedAccount, addOnAccount, notReached } from "../operations/account-add.ts";
import { accountAddLines } from "./account-add-lines.ts";
import { integerOption, secretOption } from "./options.ts";
import { type CommandHost, type CommandOptions, type CommandOutcome, withOwnAccount } from "./run.ts";
import { sentence } from "./text.ts";

export interface AccountAddOptions extends CommandOptions {
  name?: string;
  avatarUrl?: string;
  homeserver?: string;
  proxy?: string;
  allowPrivateNetwork?: boolean;
  userId?: string;
  accessToken?: string;
  accessTokenStdin?: boolean;
  password?: string;
  passwordStdin?: boolean;
  deviceName?: string;
  initialSyncLimit?: string;
  enableE2ee?: boolean;
  encryption?: boolean;
  useEnv?: boolean;
}

export interface AccountAddReport extends AddedAccount {
  accountId: string;
  /** Where the account's keys stand in the configuration. */
  configPath: string;
  useEnv: boolean;
  encryptionEnabled: boolean;
}

/** Time alone may cure these: the account is added all the same, and starts when it can. */
const LATER: readonly MatrixErrorCode[] = ["network", "timeout", "rate_limited", "account_restricted", "store_locked"];

/** @throws Error naming the flag */
async function setupInput(options: AccountAddOptions): Promise<SetupInput> {
  if (options.accessTokenStdin && options.passwordStdin) throw new Error("Give either --access-token-stdin or --password-stdin, not both.");
  return {
    name: options.name,
    avatarUrl: options.avatarUrl,
    homeserver: options.homeserver,
    proxy: options.proxy,
    userId: options.userId,
    deviceName: options.deviceName,
    initialSyncLimit: integerOption(options.initialSyncLimit, "--initial-sync-limit", { min: 0 }),
    accessToken: await secretOption({ value: options.accessToken, stdin: options.accessTokenStdin, flag: "--access-token", stdinFlag: "--access-token-stdin" }),
    password: await secretOption({ value: options.password, stdin: options.passwordStdin, flag: "--password", stdinFlag: "--password-stdin" }),
    useEnv: options.useEnv ?? false,
    ...(options.allowPrivateNetwork && { dangerouslyAllowPrivateNetwork: true }),
    ...((options.enableE2ee || options.encryption) && { encryption: true }),
  };
}

/** The configuration with the account in it. */
function withAccount<T extends HostConfig>(cfg: T, accountId: string, input: SetupInput): T {
  return applySetupInput(accountId === DEFAULT_ACCOUNT_ID ? cfg : promoteTopLevel(cfg), accountId, input);
}

export async function add(host: CommandHost, options: AccountAddOptions, _args: string[] = [], file: ConfigFile = hostConfigFile): Promise<CommandOutcome> {
  const input = await setupInput(options);
  const accountId = normalizeAccountId(options.account?.trim() || options.name);
  const problem = setupInputProblem(accountId === DEFAULT_ACCOUNT_ID ? host.cfg : promoteTopLevel(host.cfg), accountId, input);
  if (problem !== null) throw new Error(inOurFlags(problem));
  const cfg = withAccount(host.cfg, accountId, input);
  const wanted = { name: input.name, avatarUrl: input.avatarUrl, encryption: input.encryption ?? false, showNewRecoveryKey: !options.json };
  const added = await withOwnAccount({ ...host, cfg }, accountId, (account, context) => addOnAccount(account, wanted, context)).catch((error: unknown) => {
    if (isMatrixError(error, ...LATER)) return notReached(error, wanted);
    throw nothingWritten(error);
  });
  const { resolvedAvatarUrl } = added.profile;
  await file.edit((now) => {
    const next = withAccount(now, accountId, input);
    return resolvedAvatarUrl === null ? next : editAccount(next, accountId, { avatarUrl: resolvedAvatarUrl });
  });
  const report: AccountAddReport = {
    accountId,
    configPath: writtenPath(await file.read(), accountId),
    useEnv: input.useEnv ?? false,
    encryptionEnabled: resolveMatrixAccount(cfg, accountId).encryption,
    ...added,
  };
  const { recoveryKey: _once, ...json } = report;
  const failed = [added.deviceHealth, added.verificationBootstrap, added.profile].some((part) => part.error !== undefined);
  return { json, lines: accountAddLines(report, options.verbose ?? false), exitCode: failed ? 1 : 0 };
}

/** The host's own setup has another name for one of the flags. */
function inOurFlags(problem: string): string {
  const text = problem.replaceAll("--dangerously-allow-private-network", "--allow-private-network");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function nothingWritten(error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  const help = isMatrixError(error, "device_in_use") ? " Here: give --user-id and --password-stdin in place of the token." : "";
  return new MatrixError(isMatrixError(error) ? error.code : "internal", `The account was not added. ${sentence(message)}${help}`);
}
