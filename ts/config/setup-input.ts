/** From flags to a configuration that would start (WIZ-11): for `openclaw channels add` and `openclaw matrix account add`. */
import { DEFAULT_ACCOUNT_ID, type HostConfig, type MatrixAccountConfig, resolveMatrixAccount } from "./accounts.ts";
import { homeserverUrlProblem } from "./account-problem.ts";
import { editAccount } from "./edit.ts";
import { type EnvField, globalEnvName, processEnvironment, scopedEnvName } from "./env.ts";
import { isPrivateByName } from "./private-host.ts";

/** The flags' values, parsed by the host. */
export interface SetupInput {
  name?: string;
  homeserver?: string;
  userId?: string;
  accessToken?: string;
  password?: string;
  deviceName?: string;
  avatarUrl?: string;
  initialSyncLimit?: number;
  proxy?: string;
  dangerouslyAllowPrivateNetwork?: boolean;
  encryption?: boolean;
  useEnv?: boolean;
}

const PLAIN_KEYS = ["name", "homeserver", "userId", "deviceName", "avatarUrl", "initialSyncLimit", "proxy", "encryption"] as const;

/** The configuration with the flags applied; what they do not mention stays. */
export function applySetupInput<T extends HostConfig>(cfg: T, accountId: string, input: SetupInput): T {
  const keys: Partial<MatrixAccountConfig> = { enabled: true };
  for (const key of PLAIN_KEYS) {
    const value = input[key];
    if (value !== undefined && value !== "") Object.assign(keys, { [key]: typeof value === "string" ? value.trim() : value });
  }
  if (input.dangerouslyAllowPrivateNetwork !== undefined) {
    keys.network = { dangerouslyAllowPrivateNetwork: input.dangerouslyAllowPrivateNetwork };
    keys.allowPrivateNetwork = undefined;
  }
  if (input.useEnv) {
    keys.accessToken = undefined;
    keys.password = undefined;
  } else if (input.accessToken) {
    keys.accessToken = input.accessToken.trim();
    keys.password = undefined;
  } else if (input.password) {
    keys.password = input.password;
    keys.accessToken = undefined;
  }
  return editAccount(cfg, accountId, keys);
}

/** What is wrong with the flags, in a sentence; null when the account would start. */
export function setupInputProblem(cfg: HostConfig, accountId: string, input: SetupInput): string | null {
  if (input.accessToken && input.password) return "give either --access-token or --password, not both";
  if (input.useEnv && (input.accessToken || input.password)) {
    return "--use-env takes the login from MATRIX_* variables: leave --access-token and --password out";
  }
  const malformed = input.homeserver && homeserverUrlProblem(input.homeserver);
  if (malformed) return `--homeserver ${malformed}`;
  const next = applySetupInput(cfg, accountId, input);
  const account = resolveMatrixAccount(next, accountId, processEnvironment());
  if (account.issue && account.credentials !== "unresolved") {
    if (!input.useEnv) return `${account.issue} (flags: --homeserver, and --access-token or --user-id with --password)`;
    const name = (field: EnvField) =>
      account.accountId === DEFAULT_ACCOUNT_ID ? globalEnvName(field) : scopedEnvName(account.accountId, field);
    return (
      `--use-env found no login for the account "${account.accountId}": set ${name("homeserver")} and ${name("accessToken")}, ` +
      `or ${name("userId")} and ${name("password")} in place of the token`
    );
  }
  if (account.homeserver && !account.allowPrivateNetwork && isPrivateByName(account.homeserver)) {
    return "the homeserver is on a private address: add --dangerously-allow-private-network if that is meant";
  }
  if (account.homeserver?.startsWith("http:") && !isPrivateByName(account.homeserver)) {
    return "--homeserver must be an https: URL: passwords and messages would cross the internet readable for everybody";
  }
  return null;
}
