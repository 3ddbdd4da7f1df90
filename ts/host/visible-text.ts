/** Takes out of a model's text what is no word to a person: tool calls written out, thinking between tags (OUT-11). */
export { sanitizeAssistantVisibleText } from "openclaw/plugin-sdk/text-chunking";
