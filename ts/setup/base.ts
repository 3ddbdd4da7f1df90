/**
 * What the channel is before anything runs: shared by the setup entry and the
 * full plugin, so that both tell the host the same.
 */
import { legacyConfigRules, normalizeLegacyConfig } from "../config/legacy.ts";
import { listMatrixAccountIds, normalizeAccountId, type ResolvedMatrixAccount, resolveMatrixAccount } from "../config/accounts.ts";
import { channelSecrets } from "../config/secret-contract.ts";
import type { ChannelPlugin, ChannelSetupDmPolicy, ChannelSetupWizardAdapter, OpenClawConfig } from "../host/setup.ts";
import { setupContract } from "./adapter.ts";
import { configAdapter, isConfigured } from "./config-adapter.ts";
import { editAccount, setAccountEnabled, writtenAccount } from "../config/edit.ts";

const channel = "matrix";

const dmPolicy: ChannelSetupDmPolicy = {
  label: "Matrix",
  channel,
  policyKey: "channels.matrix.dm.policy",
  allowFromKey: "channels.matrix.dm.allowFrom",
  getCurrent: (cfg, accountId) => resolveMatrixAccount(cfg, accountId).config.dm?.policy ?? "pairing",
  setPolicy: (cfg, policy, accountId) => {
    const id = normalizeAccountId(accountId);
    const listed = (resolveMatrixAccount(cfg, id).config.dm?.allowFrom ?? []).map(String);
    const allowFrom = policy === "open" && !listed.includes("*") ? [...listed, "*"] : undefined;
    return editAccount(cfg, id, { dm: { ...writtenAccount(cfg, id).dm, policy, ...(allowFrom && { allowFrom }) } });
  },
  promptAllowFrom: async ({ cfg, prompter, accountId }) => {
    const { askDirectMessages } = await import("./wizard.ts");
    return (await askDirectMessages(prompter, cfg, normalizeAccountId(accountId))) as OpenClawConfig;
  },
};

/** Loads its questions only when somebody is there to answer them. */
const setupWizard: ChannelSetupWizardAdapter = {
  channel,
  getStatus: async ({ cfg }) => {
    const accounts = listMatrixAccountIds(cfg).map((id) => resolveMatrixAccount(cfg, id));
    const configured = accounts.some(isConfigured);
    const lines = accounts.map((account) => `${account.accountId}: ${isConfigured(account) ? (account.homeserver ?? "") : account.issue}`);
    return {
      channel,
      configured,
      statusLines: [`Matrix: ${configured ? "configured" : "needs a homeserver and a login"}`, ...lines],
      selectionHint: configured ? "configured" : "needs a homeserver and a login",
      quickstartScore: configured ? 1 : 0,
    };
  },
  configure: async (ctx) => (await import("./wizard.ts")).configure(ctx),
  afterConfigWritten: async (ctx) => (await import("./after-write.ts")).setUpEncryption(ctx),
  dmPolicy,
  disable: (cfg) => listMatrixAccountIds(cfg).reduce((next, id) => setAccountEnabled(next, id, false), cfg),
};

/** Facets that need neither a runtime nor the core. */
export const matrixChannelBase = {
  id: channel,
  meta: {
    id: channel,
    label: "Matrix",
    selectionLabel: "Matrix (Rust core)",
    detailLabel: "Matrix bot",
    docsPath: "/channels/matrix",
    docsLabel: "matrix",
    blurb: "Matrix rooms and direct messages with end-to-end encryption.",
    order: 70,
    markdownCapable: true,
    quickstartAllowFrom: true,
  },
  capabilities: { chatTypes: ["direct", "channel", "thread"], reply: true, threads: true },
  reload: { configPrefixes: ["channels.matrix"], noopPrefixes: ["messages.ackReactionScope"] },
  config: configAdapter,
  setupContract,
  setupWizard,
  secrets: channelSecrets,
  doctor: {
    dmAllowFromMode: "nestedOnly",
    groupModel: "sender",
    groupAllowFromFallbackToAllowFrom: false,
    warnOnEmptyGroupSenderAllowlist: true,
    legacyConfigRules,
    normalizeCompatibilityConfig: ({ cfg }) => normalizeLegacyConfig(cfg),
  },
} satisfies ChannelPlugin<ResolvedMatrixAccount>;
