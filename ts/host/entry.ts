/** The host's entry builder. */
export { defineChannelPluginEntry } from "openclaw/plugin-sdk/channel-core";
