/** The host's types the plugin speaks of. Types only: importing this file costs nothing at run time. */
export type { ChannelPlugin, OpenClawConfig, OpenClawPluginApi, PluginRuntime } from "openclaw/plugin-sdk/channel-core";
export type {
  ChannelAccountSnapshot,
  ChannelDirectoryEntry,
  ChannelGatewayContext,
  ChannelGroupContext,
  ChannelLogSink,
  ChannelMessageActionAdapter,
  ChannelMessageActionContext,
  ChannelOutboundAdapter,
  ChannelOutboundContext,
  ChannelStatusAdapter,
  ChannelStatusIssue,
  ChannelThreadingContext,
  ChannelThreadingToolContext,
} from "openclaw/plugin-sdk/channel-contract";
export type { ReplyPayload, GetReplyOptions } from "openclaw/plugin-sdk/reply-runtime";
export type { ResolvedChannelMessageIngress } from "openclaw/plugin-sdk/channel-ingress-runtime";
export type { GatewayRequestHandlerOptions, GatewayRpcOpts } from "openclaw/plugin-sdk/gateway-runtime";
export type { HistoryEntry } from "openclaw/plugin-sdk/reply-history";
export type {
  ChannelMessageAdapterShape,
  ChannelMessageUnknownSendContext,
  ChannelMessageUnknownSendReconciliationResult,
  MessageReceipt,
} from "openclaw/plugin-sdk/channel-outbound";

import type { PluginRuntime } from "openclaw/plugin-sdk/channel-core";

/** What `runtime.channel.inbound.run` takes, seen from outside. */
type RunParams = Parameters<PluginRuntime["channel"]["inbound"]["run"]>[0];
/** The plan of one turn: the plain member of what `resolveTurn` may return. */
export type TurnPlan = Extract<Awaited<ReturnType<RunParams["adapter"]["resolveTurn"]>>, { route: unknown; delivery: unknown }>;
export type TurnAdoptionLifecycle = NonNullable<RunParams["turnAdoptionLifecycle"]>;
export type AgentRoute = ReturnType<PluginRuntime["channel"]["routing"]["resolveAgentRoute"]>;
export type InboundContext = Awaited<ReturnType<PluginRuntime["channel"]["inbound"]["buildContext"]>>;

import type { OpenClawPluginApi as Api } from "openclaw/plugin-sdk/channel-core";

/** Who calls a chat command that the plugin has registered, and where. */
export type ChatCommandContext = Parameters<Parameters<Api["registerCommand"]>[0]["handler"]>[0];

/** The host's command-line program (commander). */
export type CliProgram = Parameters<Parameters<Api["registerCli"]>[0]>[0]["program"];
export type { InboundMediaFacts } from "openclaw/plugin-sdk/channel-inbound";
export type { OutboundMediaAccess } from "openclaw/plugin-sdk/media-runtime";
