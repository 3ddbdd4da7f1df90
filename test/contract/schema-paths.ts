import { configJsonSchema } from "../../scripts/build/manifest.mjs";

/** The part of JSON schema that the generated one uses. */
export interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  required?: string[];
}

/** The generated schema of `channels.matrix`. */
export const schema = configJsonSchema() as Schema;

/** The objects a person fills in: a reference to a secret counts as a value. */
function isObject(at: Schema): boolean {
  return at.type === "object" && at.required === undefined;
}

/** Every key as documentation writes it, `groups.*.users`; objects and what is in them. */
export function schemaPaths(at: Schema = schema, prefix = ""): string[] {
  const under = (key: string, child: Schema) => [prefix + key, ...(isObject(child) ? schemaPaths(child, `${prefix + key}.`) : [])];
  const named = Object.entries(at.properties ?? {}).flatMap(([key, child]) => under(key, child));
  return typeof at.additionalProperties === "object" ? [...named, ...under("*", at.additionalProperties)] : named;
}

/** A key for a map, as a person would write it. */
function mapKey(prefix: string): string {
  return /groups|rooms/.test(prefix) ? "!room:example.org" : "ops";
}

/** A value that fills every key there is. */
export function sample(at: Schema = schema, key = ""): unknown {
  if (at.const !== undefined) return at.const;
  if (at.enum) return at.enum[0];
  const alternative = at.anyOf?.[0] ?? at.oneOf?.[0];
  if (alternative) return sample(alternative, key);
  if (at.properties || typeof at.additionalProperties === "object") {
    const fields = Object.entries(at.properties ?? {}).map(([name, child]): [string, unknown] => [name, sample(child, name)]);
    if (typeof at.additionalProperties === "object") fields.push([mapKey(key), sample(at.additionalProperties)]);
    return Object.fromEntries(fields);
  }
  if (at.type === "array") return [sample(at.items ?? {}, key)];
  if (at.type === "boolean") return true;
  if (at.type === "number" || at.type === "integer") return 1;
  if (key === "provider") return "default";
  return key === "id" ? "MATRIX_SECRET" : "text";
}

/** Paths of all objects that refuse unknown keys, with the keys of maps filled in as `sample` does. */
export function strictObjects(at: Schema = schema, path: string[] = []): string[][] {
  if (!isObject(at)) return [];
  const children = Object.entries(at.properties ?? {}).flatMap(([key, child]) => strictObjects(child, [...path, key]));
  if (typeof at.additionalProperties === "object") {
    return [...children, ...strictObjects(at.additionalProperties, [...path, mapKey(path.at(-1) ?? "")])];
  }
  return [path, ...children];
}
