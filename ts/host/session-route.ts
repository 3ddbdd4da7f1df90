/** Builders of outbound session routes. */
export { buildChannelOutboundSessionRoute, buildThreadAwareOutboundSessionRoute } from "openclaw/plugin-sdk/channel-core";
