/** The host's side of setting a channel up. */
export type { ChannelPlugin, OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
export type { ChannelSetupAdapter, ChannelSetupDmPolicy } from "openclaw/plugin-sdk/channel-setup";
export type { ChannelSetupWizardAdapter, WizardPrompter } from "openclaw/plugin-sdk/setup";
export { defineChannelSetupContract } from "openclaw/plugin-sdk/channel-setup";
