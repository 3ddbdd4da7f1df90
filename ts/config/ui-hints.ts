/** What the host's settings page shows beside the keys, and which values it hides. */

export interface UiHint {
  label?: string;
  help?: string;
  placeholder?: string;
  sensitive?: boolean;
  advanced?: boolean;
  tags?: string[];
}

/** Keys an account may have as well; the hints count in both places. */
const SHARED: Record<string, UiHint> = {
  homeserver: {
    label: "Homeserver",
    help: "Base URL of the homeserver. A private address needs network.dangerouslyAllowPrivateNetwork too.",
    placeholder: "https://matrix.example.org",
  },
  userId: { label: "User ID", help: "Needed with a password; a token finds it out.", placeholder: "@bot:example.org" },
  accessToken: {
    label: "Access token",
    help: "A token or a SecretRef. Best from a login of its own: a token copied out of another client shares that client's device.",
    sensitive: true,
  },
  password: { label: "Password", help: "A password or a SecretRef; used for the first login only.", sensitive: true },
  deviceName: { label: "Device name", help: 'Shown in the list of sessions; "OpenClaw Gateway" by default.' },
  "network.dangerouslyAllowPrivateNetwork": {
    label: "Allow private addresses",
    help: "Permit a homeserver on a loopback, private, link-local or Tailscale address.",
  },
  proxy: { label: "Proxy", help: "http:, https: or socks5: URL for everything sent to the homeserver.", tags: ["url-secret"], advanced: true },
  encryption: { label: "End-to-end encryption", help: "Take part in encrypted rooms and direct messages." },
  recoveryKey: {
    label: "Recovery key",
    help: "SecretRef only: verifies new devices and opens the key backup without a person.",
    sensitive: true,
    advanced: true,
  },
  storePassphrase: {
    label: "Store passphrase",
    help: "SecretRef only: wraps the key that the stored messages and encryption keys are kept under.",
    sensitive: true,
    advanced: true,
  },
  "dm.policy": { label: "Who may write directly", help: 'pairing asks you first; open needs "*" in dm.allowFrom.' },
  "dm.allowFrom": { label: "Direct message allowlist", help: "Full user ids, exactly as the homeserver writes them.", placeholder: "@you:example.org" },
  groupPolicy: { label: "Rooms", help: "allowlist answers in the rooms of groups only." },
  groupAllowFrom: { label: "Who may write in rooms", help: "Full user ids; the direct message allowlist does not count here." },
  groups: { label: "Rooms by id or alias", help: "Keys are !room ids, #aliases or * for every other room." },
  autoJoin: { label: "Accept invites", help: "off, the rooms of autoJoinAllowlist, or always." },
  autoJoinFrom: { label: "Accept invites from", help: "User ids, *:server, or paired.", advanced: true },
  threadReplies: { label: "Replies in threads", help: "inbound answers in a thread if the message was in one." },
  allowBots: {
    label: "Answer other bots of this gateway",
    help: 'Off by default; "mentions" answers them only when they mention this one.',
  },
  dangerouslyAllowNameMatching: {
    label: "Match by display name",
    help: "Let allowlists name people by their display names. Anybody may take any name.",
    advanced: true,
  },
  "streaming.mode": { label: "Streaming", help: "How much of an answer is shown while it is written." },
  "undecryptable.retryHours": { label: "Wait for missing keys", help: "Hours an unreadable message waits for its key; 72 by default.", advanced: true },
};

/** Every hint by its path inside `channels.matrix`. */
export const uiHints: Record<string, UiHint> = {
  defaultAccount: { label: "Default account", help: "The account for commands that name none." },
  ...SHARED,
  ...Object.fromEntries(Object.entries(SHARED).map(([path, hint]) => [`accounts.*.${path}`, hint])),
};
