/** Secrets as the schema takes them: written out, as a reference, or as a reference only. */
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
