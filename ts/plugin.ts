/** The Matrix channel, assembled; what each part does stands in its folder. */
import { createMessageActions } from "./actions/index.ts";
import type { ResolvedMatrixAccount } from "./config/accounts.ts";
import { config } from "./gateway/config-facet.ts";
import { findAccount } from "./gateway/find.ts";
import { METHOD_SCOPES } from "./gateway/method-names.ts";
import { groups, pairing, security } from "./gateway/security.ts";
import { type MatrixProbe, status } from "./gateway/status.ts";
import { createLazyRuntimeModule } from "./host/lazy.ts";
import type { ChannelPlugin } from "./host/types.ts";
import { createMessageAdapter, createOutboundAdapter } from "./outbound/adapter.ts";
import { messaging, threading } from "./outbound/messaging.ts";

const loadStart = createLazyRuntimeModule(() => import("./gateway/start.ts"));

export const matrixPlugin: ChannelPlugin<ResolvedMatrixAccount, MatrixProbe> = {
  id: "matrix",
  meta: {
    id: "matrix",
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
  capabilities: { chatTypes: ["direct", "channel", "thread"], reactions: true, edit: true, reply: true, threads: true, media: false, blockStreaming: true },
  reload: { configPrefixes: ["channels.matrix"], noopPrefixes: ["messages.ackReactionScope"] },
  config,
  security,
  pairing,
  groups,
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
