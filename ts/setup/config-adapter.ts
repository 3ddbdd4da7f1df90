/** The `config` facet of the channel: the host's questions about accounts, answered from `ts/config`. */
import {
  type HostConfig,
  listMatrixAccountIds,
  type ResolvedMatrixAccount,
  resolveDefaultMatrixAccountId,
  resolveMatrixAccount,
} from "../config/accounts.ts";
import { processEnvironment } from "../config/env.ts";
import { hasAnyMatrixAuth } from "../config/presence.ts";
import type { ChannelPlugin } from "../host/setup.ts";
import { deleteAccount, setAccountEnabled } from "../config/edit.ts";

/**
 * Whether the account is set up as far as this process can see: a reference that
 * a command line cannot read is set up, and the gateway says so if it cannot either.
 */
export function isConfigured(account: ResolvedMatrixAccount): boolean {
  return account.configured || (account.credentials === "unresolved" && account.homeserver !== undefined);
}

function describeAccount(account: ResolvedMatrixAccount) {
  return {
    accountId: account.accountId,
    name: account.name,
    enabled: account.enabled,
    configured: isConfigured(account),
    baseUrl: account.homeserver,
  };
}

/** Entries as the host compares them: user ids exactly as they are (ACL-2). */
function entries(list: readonly (string | number)[]): string[] {
  return list.map((entry) => String(entry).trim()).filter((entry) => entry !== "");
}

export const configAdapter: ChannelPlugin<ResolvedMatrixAccount>["config"] = {
  listAccountIds: (cfg: HostConfig) => listMatrixAccountIds(cfg),
  resolveAccount: (cfg: HostConfig, accountId) => resolveMatrixAccount(cfg, accountId),
  inspectAccount: (cfg: HostConfig, accountId) => {
    const account = resolveMatrixAccount(cfg, accountId);
    return { ...describeAccount(account), userId: account.userId, credentialStatus: account.credentials, issue: account.issue };
  },
  defaultAccountId: (cfg: HostConfig) => resolveDefaultMatrixAccountId(cfg),
  setAccountEnabled: ({ cfg, accountId, enabled }) => setAccountEnabled(cfg, accountId, enabled),
  deleteAccount: ({ cfg, accountId }) => deleteAccount(cfg, accountId),
  isEnabled: (account) => account.enabled,
  isConfigured,
  unconfiguredReason: (account) => account.issue ?? "not configured",
  describeAccount,
  resolveAllowFrom: ({ cfg, accountId }) => resolveMatrixAccount(cfg, accountId).config.dm?.allowFrom,
  formatAllowFrom: ({ allowFrom }) => entries(allowFrom),
  hasConfiguredState: ({ cfg, env }) => {
    const known = env ?? processEnvironment();
    return listMatrixAccountIds(cfg, known).some((id) => isConfigured(resolveMatrixAccount(cfg, id, known)));
  },
  hasPersistedAuthState: ({ env }) => hasAnyMatrixAuth({ env }),
};
