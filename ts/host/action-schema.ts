/** Parameters that an action adds to the host's message tool. */
import { optionalFiniteNumberSchema, optionalStringEnum } from "openclaw/plugin-sdk/channel-actions";

type OptionalNumber = ReturnType<typeof optionalFiniteNumberSchema>;

/** The host's own way to say "may be left out" is on its number schema; the type is another. */
function retyped(type: "string" | "boolean", description: string): OptionalNumber {
  return Object.assign(optionalFiniteNumberSchema({ description }), { type });
}

/** A place as the host checks it, or none. */
export function optionalPlace(description: string): OptionalNumber {
  const number = (minimum: number, maximum: number) => ({ type: "number", minimum, maximum });
  const properties = { latitude: number(-90, 90), longitude: number(-180, 180), accuracy: { ...number(0, 1500), description: "Metres." }, name: { type: "string" }, address: { type: "string" } };
  return Object.assign(optionalFiniteNumberSchema({ description }), { type: "object" as const, properties, required: ["latitude", "longitude"] });
}

/** A text the agent may leave out. */
export function optionalText(description: string): OptionalNumber {
  return retyped("string", description);
}

/** A switch the agent may leave out. */
export function optionalFlag(description: string): OptionalNumber {
  return retyped("boolean", description);
}

/** One of these words, or nothing. */
export function optionalWord<const T extends readonly string[]>(words: T, description: string) {
  return optionalStringEnum(words, { description });
}
