/** Which secrets `channels.matrix` has, and which of them the present configuration needs. */
import {
  collectSecretInputAssignment,
  getChannelSurface,
  hasConfiguredSecretInputValue,
  type ResolverContext,
  type SecretDefaults,
  type SecretTargetRegistryEntry,
} from "../host/secret-contract.ts";
import { DEFAULT_ACCOUNT_ID, normalizeAccountId } from "./account-id.ts";
import { type EnvField, globalEnvName, readEnv, scopedEnvName } from "./env.ts";
import { dotted } from "./key-path.ts";

const FIELDS = ["accessToken", "password", "recoveryKey", "storePassphrase"] as const;
type Field = (typeof FIELDS)[number];
type Entry = Record<string, unknown>;

function target(pathPattern: string): SecretTargetRegistryEntry {
  return {
    id: pathPattern,
    targetType: pathPattern,
    configFile: "openclaw.json",
    pathPattern,
    secretShape: "secret_input",
    expectedResolvedValue: "string",
    includeInPlan: true,
    includeInConfigure: true,
    includeInAudit: true,
  };
}

/** Every place a secret may stand. */
export const secretTargetRegistryEntries: SecretTargetRegistryEntry[] = [
  ...FIELDS.map((field) => target(`channels.matrix.accounts.*.${field}`)),
  ...FIELDS.map((field) => target(`channels.matrix.${field}`)),
];

interface Scope {
  /** Where the values stand. */
  entry: Entry;
  path: string;
  /** Whose start fails when a reference has no value: that account alone, never the gateway. */
  accountId: string;
  active: (field: Field) => boolean;
}

/** Hands the host every reference, saying which ones something would use. */
export function collectRuntimeConfigAssignments(params: {
  config: { channels?: Record<string, unknown> };
  defaults?: SecretDefaults;
  context: ResolverContext;
}): void {
  const found = getChannelSurface(params.config, "matrix");
  if (!found) return;
  const { channel, surface } = found;
  const { accounts: _accounts, ...shared } = channel;
  const { env } = params.context;
  const has = (entry: Entry | undefined, field: Field) => hasConfiguredSecretInputValue(entry?.[field], params.defaults);
  const scoped = (accountId: string, field: EnvField) => readEnv(env, scopedEnvName(accountId, field)) !== undefined;

  const accounts = surface.hasExplicitAccounts ? surface.accounts : [];
  const byDefault = accounts.find(({ accountId }) => normalizeAccountId(accountId) === DEFAULT_ACCOUNT_ID);
  /** Whether a token spares this account its password. */
  const tokenOf = (accountId: string, own: Entry | undefined) =>
    has(own, "accessToken") ||
    scoped(accountId, "accessToken") ||
    (accountId === DEFAULT_ACCOUNT_ID &&
      (has(channel, "accessToken") || readEnv(env, globalEnvName("accessToken")) !== undefined));

  const top: Scope = {
    entry: channel,
    path: "channels.matrix",
    accountId: DEFAULT_ACCOUNT_ID,
    active: (field) => {
      // The passphrase is the one of these keys that named accounts inherit.
      if (field === "storePassphrase" && accounts.some(({ account, enabled }) => enabled && !has(account, field))) return true;
      if (!surface.channelEnabled || byDefault?.enabled === false || has(byDefault?.account, field)) return false;
      if (field === "accessToken" || field === "password") {
        if (scoped(DEFAULT_ACCOUNT_ID, field)) return false;
        if (field === "password") return !tokenOf(DEFAULT_ACCOUNT_ID, byDefault?.account);
      }
      return true;
    },
  };
  const named = accounts.map(({ accountId: key, account, enabled }): Scope => {
    const accountId = normalizeAccountId(key);
    return {
      entry: account,
      path: dotted(["channels", "matrix", "accounts", key]),
      accountId,
      active: (field) => enabled && (field !== "password" || !tokenOf(accountId, account)),
    };
  });

  for (const { entry, path, accountId, active } of [top, ...named]) {
    for (const field of FIELDS) {
      if (!Object.hasOwn(entry, field)) continue;
      collectSecretInputAssignment({
        value: entry[field],
        path: `${path}.${field}`,
        expected: "string",
        defaults: params.defaults,
        context: params.context,
        active: active(field),
        inactiveReason: "the Matrix account is switched off, or another key takes this one's place.",
        owner: {
          ownerKind: "account",
          ownerId: `matrix:${accountId}`,
          requiredForGateway: false,
          disposition: "isolate",
          // While none of this changes, the host may keep a value it once had.
          contract: { channel: shared, account: entry === channel ? {} : entry },
        },
        apply: (value) => {
          entry[field] = value;
        },
      });
    }
  }
}

export const channelSecrets = { secretTargetRegistryEntries, collectRuntimeConfigAssignments };
