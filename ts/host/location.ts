/** Places as the host hands them on: checked, without a source. */
export { normalizeOutboundLocation, type OutboundLocation } from "openclaw/plugin-sdk/channel-inbound";
