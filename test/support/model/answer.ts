/** One message of a chat-completions request. */
export interface ChatMessage {
  role: "system" | "developer" | "user" | "assistant" | "tool";
  content?: string | { type: string; text?: string }[] | null;
  tool_calls?: { id: string; function: { name: string; arguments: string } }[];
}

/** What the stub answers, in order: pieces of text, waiting before each, then tool calls. */
export interface Answer {
  text?: string;
  /** What it thinks before that, as models with a field of its own for it say it. */
  reasoning?: string;
  /** Streamed one by one instead of `text`. */
  pieces?: { text: string; delayMs: number }[];
  toolCalls?: { name: string; arguments: Record<string, unknown> }[];
  /** The HTTP status to fail with, instead of answering. */
  failWith?: number;
}

/** Plain text of a message's content. */
export function textOf(message: ChatMessage): string {
  if (typeof message.content === "string") return message.content;
  return (message.content ?? []).map((part) => part.text ?? "").join("\n");
}

/** Markers (`MARK: k3n1`) in people's texts, in order, each once. */
export function markersOf(messages: readonly ChatMessage[]): string[] {
  const texts = messages.filter((message) => message.role === "user").map(textOf);
  return [...new Set(texts.flatMap((text) => [...text.matchAll(/MARK: ?([A-Za-z0-9_-]+)/g)].map((match) => match[1] as string)))];
}

/**
 * Markers that no assistant message has said yet. The host sends a whole history and may join
 * waiting messages into one turn, so the last message alone does not say what is asked.
 */
export function openMarkers(messages: readonly ChatMessage[]): string[] {
  const said = messages.filter((message) => message.role === "assistant").map(textOf).join("\n");
  return markersOf(messages).filter((marker) => !said.includes(marker));
}

/** About the length of a sentence of a `LONG:` answer. */
export const LONG_SENTENCE = 50;

/** A person's last line, for a stub that somebody talks to by hand. */
function lastWords(messages: readonly ChatMessage[]): string {
  const last = messages.filter((message) => message.role === "user").at(-1);
  return last ? (textOf(last).trimEnd().split("\n").at(-1) ?? "") : "";
}

/**
 * The answer to a request: the script of the first open marker that has one, else every open marker.
 * Directives in the newest message that carries an open marker: `SLOW: 12 250` streams twelve
 * pieces 250 ms apart, `LONG: 9000` makes a text of that many characters.
 */
export function answerTo(messages: readonly ChatMessage[], scripts: ReadonlyMap<string, Answer[]>): { answer: Answer; markers: string[] } {
  const markers = openMarkers(messages);
  for (const marker of markers) {
    const [next, ...rest] = scripts.get(marker) ?? [];
    if (!next) continue;
    (scripts as Map<string, Answer[]>).set(marker, rest);
    return { answer: next, markers };
  }
  if (markers.length === 0) {
    return { answer: { text: `The stub model heard: ${lastWords(messages)}` }, markers };
  }
  const newest = messages.filter((message) => message.role === "user" && markers.some((marker) => textOf(message).includes(marker))).at(-1);
  const asked = newest ? textOf(newest) : "";
  const said = `Answer to ${markers.join(", ")}.`;
  const slow = /SLOW: (\d+) (\d+)/.exec(asked);
  if (slow) {
    const pieces = Array.from({ length: Number(slow[1]) }, (_, index) => ({ text: `Part ${index + 1}. `, delayMs: Number(slow[2]) }));
    return { answer: { pieces: [...pieces, { text: said, delayMs: Number(slow[2]) }] }, markers };
  }
  const long = /LONG: (\d+)/.exec(asked);
  if (long) {
    // Numbered: the host takes a text that repeats itself for a model gone astray and cuts it.
    const sentences = Array.from({ length: Math.ceil(Number(long[1]) / LONG_SENTENCE) }, (_, index) => `Line ${index + 1}: the quick brown fox jumps over the lazy dog.\n\n`);
    return { answer: { text: `${sentences.join("")}${said}` }, markers };
  }
  return { answer: { text: said }, markers };
}
