/** `channels.matrix` of a run, beside the login: keys that this plugin and the official one share. */
export function agentSettings(homeserver: string): Record<string, unknown> {
  return {
    enabled: true,
    homeserver,
    network: { dangerouslyAllowPrivateNetwork: true },
    encryption: true,
    dm: { policy: "open", allowFrom: ["*"] },
    groupPolicy: "open",
    groups: { "*": { requireMention: false } },
    threadReplies: "off",
    autoJoin: "always",
    // Nothing but answers.
    joinIntro: false,
    // So that blows fall into answers that are being written.
    streaming: { mode: "partial" },
  };
}
