/**
 * What `openclaw channels add --channel matrix` can be told by flags (WIZ-11).
 * package.json carries the same list, so that its help needs no plugin code; a
 * test keeps the two alike.
 */
export const setupFields = {
  homeserver: { kind: "string", cli: { flags: "--homeserver <url>", description: "URL of the Matrix homeserver" } },
  userId: { kind: "string", cli: { flags: "--user-id <id>", description: "Matrix user id, needed with a password" } },
  accessToken: { kind: "string", sensitive: true, cli: { flags: "--access-token <token>", description: "Matrix access token" } },
  password: { kind: "string", sensitive: true, cli: { flags: "--password <password>", description: "Matrix password" } },
  deviceName: { kind: "string", cli: { flags: "--device-name <name>", description: "Name of the Matrix device" } },
  avatarUrl: { kind: "string", cli: { flags: "--avatar-url <url>", description: "Avatar, as an mxc: or https: URL" } },
  initialSyncLimit: { kind: "integer", cli: { flags: "--initial-sync-limit <n>", description: "Events a room in the first Matrix sync" } },
  proxy: { kind: "string", cli: { flags: "--proxy <url>", description: "Proxy for the Matrix homeserver" } },
  dangerouslyAllowPrivateNetwork: {
    kind: "boolean",
    cli: { flags: "--dangerously-allow-private-network", description: "Allow a Matrix homeserver on a private address" },
  },
  encryption: { kind: "boolean", cli: { flags: "--encryption", description: "Take part in encrypted Matrix rooms" } },
  useEnv: { kind: "boolean", cli: { flags: "--use-env", description: "Take the Matrix login from MATRIX_* variables" } },
} as const;
