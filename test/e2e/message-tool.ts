import type { Human, SeenEvent } from "../support/humans/index.ts";
import { textOf } from "../support/model/answer.ts";
import { type Bot, question, type Scenario } from "./scenario.ts";

/** What one call of the host's `message` tool gave. */
export interface ToolResult {
  /** The result as the model was told. */
  text: string;
  /** The same as an object; empty if the call failed. */
  details: Record<string, unknown>;
}

/** A turn in which the agent calls the `message` tool, one call after the other. */
export interface ToolTurn {
  /** The person's message. */
  eventId: string;
  answer: SeenEvent;
  results: ToolResult[];
}

export interface ToolTurnOptions {
  threadRootId?: string;
  /** In a room the agent is called by a mention. */
  mention?: boolean;
}

/** Asks in a room; the scripted agent makes these calls and then answers. */
export async function useMessageTool(scenario: Scenario, person: Human, room: string, bot: Bot, calls: Record<string, unknown>[], options: ToolTurnOptions = {}): Promise<ToolTurn> {
  const asked = question("Use the tool.");
  const done = `Done: ${asked.marker}.`;
  await scenario.rig.model.script(asked.marker, ...calls.map((call) => ({ toolCalls: [{ name: "message", arguments: call }] })), { text: done });
  const { threadRootId, mention } = options;
  const send = mention
    ? person.mention(room, bot.userId, asked.text, threadRootId)
    : threadRootId
      ? person.sendInThread(room, asked.text, threadRootId)
      : person.send(room, asked.text);
  const eventId = await send;
  const answer = await scenario.answer(person, bot, asked);
  const prompts = await scenario.rig.model.prompts(asked.marker);
  const told = (prompts.at(-1)?.messages ?? []).filter(({ role }) => role === "tool").map(textOf);
  const results = told.slice(-calls.length).map((text) => {
    try {
      return { text, details: JSON.parse(text) as Record<string, unknown> };
    } catch {
      return { text, details: {} };
    }
  });
  return { eventId, answer, results };
}
