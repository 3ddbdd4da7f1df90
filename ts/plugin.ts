/** The Matrix channel, assembled; what each part does stands in its folder. */
import { createMessageActions } from "./actions/index.ts";
import type { ResolvedMatrixAccount } from "./config/accounts.ts";
import { findAccount } from "./gateway/find.ts";
import { METHOD_SCOPES } from "./gateway/method-names.ts";
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
  capabilities: { chatTypes: ["direct", "channel", "thread"], reactions: true, edit: true, reply: true, threads: true, media: false, blockStreaming: true },
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
  actions: createMessageActions(findAccount),
  status,
  gatewayMethodDescriptors: Object.entries(METHOD_SCOPES).map(([name, scope]) => ({ name, scope })),
  gateway: {
    startAccount: async (ctx) => (await loadStart()).startAccount(ctx),
  },
};
