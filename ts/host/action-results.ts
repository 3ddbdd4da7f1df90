/** Parameters and results of message actions. */
export { jsonResult, readStringParam } from "openclaw/plugin-sdk/channel-actions";
