/** The account of the top-level keys. */
export const DEFAULT_ACCOUNT_ID = "default";

/**
 * An account id as the host writes it: lower case, letters, digits, `-` and `_`,
 * at most 64 characters; "Ops Bot" becomes `ops-bot` (WIZ-9). Empty means `default`.
 */
export function normalizeAccountId(value: string | undefined | null): string {
  const trimmed = (value ?? "").trim();
  const lower = trimmed.toLowerCase();
  const id = /^[a-z0-9][a-z0-9_-]{0,63}$/.test(lower)
    ? lower
    : lower.replaceAll(/[^a-z0-9_-]+/g, "-").replace(/^-+/, "").replace(/-+$/, "").slice(0, 64);
  // Names that would reach an object's prototype.
  return id === "" || id === "__proto__" || id === "constructor" || id === "prototype" ? DEFAULT_ACCOUNT_ID : id;
}
