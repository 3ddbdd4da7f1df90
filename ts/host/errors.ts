/** Errors by which the host tells a send that never left from one that is in doubt. */
export { PlatformMessageNotDispatchedError } from "openclaw/plugin-sdk/error-runtime";
export { createChannelPartialDeliveryError } from "openclaw/plugin-sdk/channel-inbound";
