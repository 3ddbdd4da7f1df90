/** Apart from what reads them: declarations load nothing. */

export const PASSWORD_FLAG = {
  "--password-stdin": "read the account's password from standard input; the configured one is used without it",
} as const;

const SEEN = "every process of this machine can read it";

export const ACCOUNT_FLAGS = {
  "--name <name>": "name of the account, and of its profile",
  "--avatar-url <url>": "picture: an https: URL, which is uploaded, or an mxc: URI",
  "--homeserver <url>": "URL of the homeserver",
  "--proxy <url>": "proxy for the homeserver",
  "--allow-private-network": "allow a homeserver on a private address",
  "--user-id <id>": "user id, needed with a password",
  "--access-token <token>": `access token of a login made for this account; ${SEEN}, prefer --access-token-stdin`,
  "--access-token-stdin": "read the access token from standard input",
  "--password <password>": `password; ${SEEN}, prefer --password-stdin`,
  "--password-stdin": "read the password from standard input",
  "--device-name <name>": "name of the new device",
  "--initial-sync-limit <n>": "events a room in the first sync",
  "--enable-e2ee": "take part in encrypted rooms, and set encryption up",
  "--encryption": "the same",
  "--use-env": "take the login from MATRIX_* variables",
} as const;
