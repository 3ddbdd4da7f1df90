/** What of a message the agent reads. */
import type { InboundMessage, MediaInfo } from "../native/account.ts";
import type { TakenFile } from "./media.ts";

/** A file in a line: `[image: cat.png]`. */
export function fileLine(info: Pick<MediaInfo, "kind" | "filename" | "voice">, problem?: string): string {
  const what = info.voice ? "voice message" : info.kind;
  const name = info.filename ? `${what}: ${info.filename.replaceAll("]", ")")}` : what;
  return problem === undefined ? `[${name}]` : `[${name}; not available: ${problem}]`;
}

const NAMED: ReadonlySet<string> = new Set(["image", "file", "audio", "video", "sticker", "gallery"]);

/** What stands in the place of a message's files; a file message without one says at least that. */
function filesOf({ kind, media }: Pick<InboundMessage, "kind" | "media">): Parameters<typeof fileLine>[0][] {
  if (media.length > 0) return media;
  return NAMED.has(kind) ? [{ kind: kind as MediaInfo["kind"], filename: "", voice: false }] : [];
}

/**
 * The text, an attachment named rather than passed over. Undefined when there is
 * nothing to read.
 */
export function readableText(event: Pick<InboundMessage, "kind" | "text" | "media" | "geoUri" | "sender">): string | undefined {
  const text = event.text.trim();
  if (event.kind === "emote") return text === "" ? undefined : `* ${event.sender} ${text}`;
  if (event.kind === "location") return [text, event.geoUri ? `[location: ${event.geoUri}]` : ""].filter(Boolean).join("\n") || undefined;
  const files = filesOf(event).map((info) => fileLine(info));
  return [text, ...files].filter(Boolean).join("\n") || undefined;
}

/** The same text, telling of files that could not be had why. */
export function withProblems(text: string, files: readonly TakenFile[]): string {
  let told = text;
  for (const { info, problem } of files) {
    if (problem !== undefined) told = told.replace(fileLine(info), () => fileLine(info, problem));
  }
  return told;
}
