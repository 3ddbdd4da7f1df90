/** The Matrix channel, assembled; what each part does stands in its folder. */
import { agentPrompt, createMessageActions } from "./actions/index.ts";
import type { ResolvedMatrixAccount } from "./config/accounts.ts";
import { createDirectory } from "./directory/adapter.ts";
import { createResolver } from "./directory/resolve.ts";
import { findAccount } from "./gateway/find.ts";
import { lookUp } from "./gateway/look-up.ts";
import { METHOD_SCOPES } from "./gateway/method-names.ts";
import { runningAccounts } from "./gateway/registry.ts";
import { groups, mentions, pairing, security } from "./gateway/security.ts";
import { type MatrixProbe, status } from "./gateway/status.ts";
import { createLazyRuntimeModule } from "./host/lazy.ts";
import type { ChannelPlugin } from "./host/types.ts";
import { createMessageAdapter, createOutboundAdapter } from "./outbound/adapter.ts";
import { messaging, threading } from "./outbound/messaging.ts";
import { matrixChannelBase } from "./setup/base.ts";

const loadStart = createLazyRuntimeModule(() => import("./gateway/start.ts"));

export const matrixPlugin: ChannelPlugin<ResolvedMatrixAccount, MatrixProbe> = {
  ...matrixChannelBase,
  capabilities: { chatTypes: ["direct", "channel", "thread"], polls: true, reactions: true, edit: true, unsend: true, reply: true, threads: true, media: false, blockStreaming: true },
  // An account's start reads the others' keys anew whenever it needs them, so its neighbours may go on.
  reload: { ...matrixChannelBase.reload, accountScopedRestart: true },
  security,
  pairing,
  groups,
  mentions,
  messaging,
  threading,
  outbound: createOutboundAdapter(findAccount),
  message: createMessageAdapter(findAccount),
  actions: createMessageActions(findAccount, () => runningAccounts().length > 0),
  agentPrompt,
  directory: createDirectory(lookUp),
  resolver: createResolver(lookUp),
  status,
  gatewayMethodDescriptors: Object.entries(METHOD_SCOPES).map(([name, scope]) => ({ name, scope })),
  gateway: {
    startAccount: async (ctx) => (await loadStart()).startAccount(ctx),
  },
};
