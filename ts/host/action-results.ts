/** Parameters and results of message actions. */
export { jsonResult, readNumberParam, readPositiveIntegerParam, readStringArrayParam, readStringParam } from "openclaw/plugin-sdk/channel-actions";
