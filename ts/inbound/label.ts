/**
 * Names that strangers give themselves and their rooms, as the agent reads them: one visible line,
 * so that nobody's name is a second message, an instruction of its own paragraph or another's id.
 */
import { visibleText } from "./mention.ts";

const NAME_LIMIT = 100;
const TOPIC_LIMIT = 500;

/** Lines in square brackets that begin with `matrix` are the plugin's own words to the agent; nobody else writes one. */
export function disarmed(text: string): string {
  return text.replace(/\[(?=matrix\b)/gi, "(");
}

/** One line without invisible characters, at most `limit` of them. */
export function oneLine(text: string | undefined, limit: number): string {
  const line = disarmed(visibleText(text ?? ""))
    .replace(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .trim();
  const characters = [...line];
  return characters.length <= limit ? line : `${characters.slice(0, limit - 1).join("")}…`;
}

/** A person's name, else the id. A name that is written like somebody's id is no name. */
export function personLabel(name: string | undefined, userId: string): string {
  const line = oneLine(name, NAME_LIMIT);
  const posesAsId = /^@[^\s:]+:\S+$/.test(line) && line !== userId;
  return line === "" || posesAsId ? userId : line;
}

/** Name of the room for people: its name, its alias, else its id. */
export function roomLabel(room: { roomId: string; name?: string; canonicalAlias?: string }): string {
  return oneLine(room.name, NAME_LIMIT) || room.canonicalAlias || room.roomId;
}

export function topicLine(topic: string | undefined): string | undefined {
  return oneLine(topic, TOPIC_LIMIT) || undefined;
}
