/** The Matrix channel, assembled; what each part does stands in its folder. */
import { agentPrompt, createMessageActions } from "./actions/index.ts";
import { createApprovalCapability, suppressesLocalPrompt } from "./approvals/capability.ts";
import type { ResolvedMatrixAccount } from "./config/accounts.ts";
import { createDirectory } from "./directory/adapter.ts";
import { createResolver } from "./directory/resolve.ts";
import { findAccount } from "./gateway/find.ts";
import { lookUp } from "./gateway/look-up.ts";
import { runningAccount } from "./gateway/registry.ts";
import { METHOD_SCOPES } from "./gateway/method-names.ts";
import { runningAccounts } from "./gateway/registry.ts";
import { groups, mentions, pairing, security } from "./gateway/security.ts";
import { type MatrixProbe, status } from "./gateway/status.ts";
import { createLazyRuntimeModule } from "./host/lazy.ts";
import type { ChannelPlugin } from "./host/types.ts";
import { createHeartbeat } from "./outbound/heartbeat.ts";
import { createMessageAdapter, createOutboundAdapter } from "./outbound/adapter.ts";
import { commands } from "./outbound/menus.ts";
import { createMessaging, threading } from "./outbound/messaging.ts";
import { matrixChannelBase } from "./setup/base.ts";
import { configuredBindings, createConversationBindings } from "./threads/facets.ts";

const loadLogin = createLazyRuntimeModule(() => import("./cli/login.ts"));
const loadConversation = createLazyRuntimeModule(() => import("./gateway/conversation.ts"));
const loadLogout = createLazyRuntimeModule(() => import("./gateway/logout.ts"));
const heartbeat = createHeartbeat(findAccount);
const loadStart = createLazyRuntimeModule(() => import("./gateway/start.ts"));

export const matrixPlugin: ChannelPlugin<ResolvedMatrixAccount, MatrixProbe> = {
  ...matrixChannelBase,
  capabilities: { chatTypes: ["direct", "channel", "thread"], polls: true, reactions: true, edit: true, unsend: true, reply: true, threads: true, media: true, blockStreaming: true, tts: { voice: { synthesisTarget: "voice-note" } } },
  // An account's start reads the others' keys anew whenever it needs them, so its neighbours may go on.
  reload: { ...matrixChannelBase.reload, accountScopedRestart: true },
  security,
  pairing,
  groups,
  heartbeat,
  mentions,
  messaging: createMessaging(async (...where) => (runningAccounts().length > 0 ? (await loadConversation()).conversationOf(...where) : undefined)),
  threading,
  bindings: configuredBindings,
  conversationBindings: createConversationBindings((accountId) => runningAccount(accountId)?.bindings),
  outbound: {
    ...createOutboundAdapter(findAccount),
    shouldSuppressLocalPayloadPrompt: ({ cfg, accountId, hint }) => hint?.kind === "approval-pending" && hint.approvalKind === "exec" && suppressesLocalPrompt({ cfg, accountId, active: hint.nativeRouteActive === true }),
  },
  message: createMessageAdapter(findAccount),
  actions: createMessageActions(findAccount, () => runningAccounts().length > 0),
  agentPrompt,
  commands,
  approvalCapability: createApprovalCapability(findAccount),
  directory: createDirectory(lookUp),
  resolver: createResolver(lookUp),
  status,
  gatewayMethodDescriptors: Object.entries(METHOD_SCOPES).map(([name, scope]) => ({ name, scope })),
  auth: { login: async (params) => (await loadLogin()).login(params) },
  gateway: {
    startAccount: async (ctx) => (await loadStart()).startAccount(ctx),
    logoutAccount: async (ctx) => (await loadLogout()).logoutAccount(ctx),
  },
};
