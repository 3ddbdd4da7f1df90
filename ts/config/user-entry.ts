/** Users as allowlists name them. */

/** Allowlist entries in the form user ids are compared in: exact and case-sensitive (ACL-2). */
export function normalizeUserEntry(entry: string): string | undefined {
  const bare = entry.trim().replace(/^(?:(?:matrix|user):)+/i, "");
  if (bare === "*") return "*";
  return /^@[^:\s]+:\S+$/.test(bare) ? bare : undefined;
}
