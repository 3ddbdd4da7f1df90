/**
 * Secrets in the configuration: a string, or a reference the host resolves
 * before the plugin sees it (SEC-1). Nothing here ever puts a secret's value
 * into a text.
 */
import type { SecretRef } from "./secret-schema.ts";

export type { SecretInput, SecretRef } from "./secret-schema.ts";

/** Where a secret stands when an account is resolved. */
export type SecretState =
  | { state: "missing" }
  | { state: "available"; value: string }
  /** A reference that the host has not replaced by its value. */
  | { state: "unresolved"; label: string };

/** `$NAME` and `${NAME}`, which the host treats as a reference to an environment variable. */
const SHORTHAND = /^\$(?:\{([A-Z][A-Z0-9_]{0,127})\}|([A-Z][A-Z0-9_]{0,127}))$/;

/** Whether the value is a SecretRef as the host writes it, with or without its provider. */
export function isSecretRef(value: unknown): value is SecretRef {
  if (typeof value !== "object" || value === null) return false;
  const { source, id } = value as Record<string, unknown>;
  return typeof id === "string" && id.trim() !== "" && ["env", "store", "file", "exec"].includes(source as string);
}

/** Tells a usable secret from a missing one and from a reference nobody has resolved. */
export function secretState(value: unknown): SecretState {
  if (isSecretRef(value)) return { state: "unresolved", label: `${value.source}:${value.provider ?? "default"}:${value.id}` };
  if (typeof value !== "string" || value.trim() === "") return { state: "missing" };
  const shorthand = SHORTHAND.exec(value.trim());
  if (shorthand) return { state: "unresolved", label: `env:default:${shorthand[1] ?? shorthand[2]}` };
  return { state: "available", value: value.trim() };
}

/** What to tell a person whose SecretRef has no value. */
export function unresolvedSecret(path: string, label: string): string {
  return (
    `${path} refers to the secret ${label}, which has no value here: ` +
    "see what is wrong with `openclaw secrets audit`, then run `openclaw secrets reload`"
  );
}
