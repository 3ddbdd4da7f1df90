/** The host's questions about accounts: which there are, and whether one is ready. */
import {
  DEFAULT_ACCOUNT_ID,
  listMatrixAccountIds,
  normalizeAccountId,
  resolveDefaultMatrixAccountId,
  type ResolvedMatrixAccount,
  resolveMatrixAccount,
} from "../config/accounts.ts";
import type { ChannelAccountSnapshot, ChannelPlugin, OpenClawConfig } from "../host/types.ts";
import { normalizeUserEntry } from "../inbound/policy.ts";

/** What may be shown of an account: never a secret. */
export function describeAccount(account: ResolvedMatrixAccount): ChannelAccountSnapshot {
  return {
    accountId: account.accountId,
    name: account.name,
    enabled: account.enabled,
    configured: account.configured,
    baseUrl: account.homeserver,
    identity: account.userId,
    dmPolicy: account.config.dm?.policy ?? "pairing",
    allowFrom: (account.config.dm?.allowFrom ?? []).map(String),
    ...(account.issue ? { stateReason: account.issue } : {}),
  };
}

type Section = Record<string, unknown> & { accounts?: Record<string, Record<string, unknown>> };

/** The configuration with another `channels.matrix`. */
function withSection(cfg: OpenClawConfig, change: (section: Section) => Section): OpenClawConfig {
  const section = (cfg.channels?.matrix ?? {}) as Section;
  return { ...cfg, channels: { ...cfg.channels, matrix: change(section) } } as OpenClawConfig;
}

function accountKey(section: Section, accountId: string): string | undefined {
  return Object.keys(section.accounts ?? {}).find((key) => normalizeAccountId(key) === accountId);
}

export const config: ChannelPlugin<ResolvedMatrixAccount>["config"] = {
  listAccountIds: (cfg) => listMatrixAccountIds(cfg),
  resolveAccount: (cfg, accountId) => resolveMatrixAccount(cfg, accountId),
  inspectAccount: (cfg, accountId) => describeAccount(resolveMatrixAccount(cfg, accountId)),
  defaultAccountId: (cfg) => resolveDefaultMatrixAccountId(cfg),
  isEnabled: (account) => account.enabled,
  disabledReason: (account) => `the account "${account.accountId}" has enabled: false`,
  isConfigured: (account) => account.configured,
  unconfiguredReason: (account) => account.issue ?? "not configured",
  describeAccount: (account) => describeAccount(account),
  resolveAllowFrom: ({ cfg, accountId }) => resolveMatrixAccount(cfg, accountId).config.dm?.allowFrom,
  formatAllowFrom: ({ allowFrom }) => allowFrom.map((entry) => normalizeUserEntry(String(entry)) ?? String(entry)),
  hasConfiguredState: ({ cfg }) => listMatrixAccountIds(cfg).some((id) => resolveMatrixAccount(cfg, id).configured),
  setAccountEnabled: ({ cfg, accountId, enabled }) =>
    withSection(cfg, (section) => {
      const key = accountKey(section, accountId);
      if (key === undefined) return { ...section, enabled };
      return { ...section, accounts: { ...section.accounts, [key]: { ...section.accounts?.[key], enabled } } };
    }),
  deleteAccount: ({ cfg, accountId }) =>
    withSection(cfg, (section) => {
      const key = accountKey(section, accountId);
      if (key !== undefined) {
        const { [key]: _removed, ...accounts } = section.accounts ?? {};
        return { ...section, accounts };
      }
      if (accountId !== DEFAULT_ACCOUNT_ID) return section;
      // The default account's login stands at the top level, beside what all accounts share.
      const { userId: _u, accessToken: _t, password: _p, deviceId: _d, recoveryKey: _r, homeserver: _h, ...shared } = section;
      return shared;
    }),
};
