/**
 * Secrets in the configuration: a string, or a reference the host resolves
 * before the plugin sees it (SEC-1). Nothing here ever puts a secret's value
 * into a text.
 */
import { z } from "zod";

const PROVIDER = /^[a-z][a-z0-9_-]{0,63}$/;
const VARIABLE = /^[A-Z][A-Z0-9_]{0,127}$/;

const provider = z.string().regex(PROVIDER, 'a secret provider is a lower-case name, for example "default"');

function reference<S extends "env" | "store" | "file" | "exec">(source: S, id: z.ZodString) {
  return z.strictObject({ source: z.literal(source), provider, id });
}

const references = [
  reference("env", z.string().regex(VARIABLE, "the id of an env reference is the variable's name, for example MATRIX_ACCESS_TOKEN")),
  reference("store", z.string().regex(VARIABLE, "the id of a store reference is an upper-case name, for example MATRIX_ACCESS_TOKEN")),
  reference("file", z.string().min(1)),
  reference("exec", z.string().min(1)),
] as const;

/** The host's SecretRef: where a secret is kept, never the secret itself. */
export const secretRefSchema = z.discriminatedUnion("source", references);

/** Why some secrets are refused when written out; plain enough to stand inside a regular expression. */
export const INLINE_SECRET_REASON =
  "takes a SecretRef only, an object with source, provider and id: " +
  "a key written into the configuration would unlock every message to whoever reads the file";

/** A secret that may not be written out (SEC-3). */
export const referenceOnlySchema = z.discriminatedUnion("source", references, {
  error: (issue) => (typeof issue.input === "string" ? INLINE_SECRET_REASON : undefined),
});

/** A secret written out, or a reference to it. */
export const secretInputSchema = z.union([z.string(), secretRefSchema]);

export type SecretRef = z.infer<typeof secretRefSchema>;
export type SecretInput = string | SecretRef;

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
