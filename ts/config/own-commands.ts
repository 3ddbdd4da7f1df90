/** Chat commands that the plugin brings along; the host's own list does not name them. */
export const OWN_COMMANDS = ["focus", "unfocus"] as const;

export function isOwnCommand(text: string): boolean {
  const [, name] = /^\/([a-z]+)(?::|\s|$)/i.exec(text.trim()) ?? [];
  return name !== undefined && (OWN_COMMANDS as readonly string[]).includes(name.toLowerCase());
}

/** The host's `/new` and `/reset`, which begin a session anew. */
export function isSessionReset(text: string): boolean {
  return /^\/(?:new|reset)(?::|\s|$)/i.test(text.trim());
}
