/** Writes the lines that say what an agent does: which count, how they are worded, how many are kept. */
export { createChannelProgressDraftCompositor } from "openclaw/plugin-sdk/channel-outbound";
