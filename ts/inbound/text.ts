/** What of a message the agent reads. */
import type { InboundMessage } from "../native/account.ts";

const MEDIA = new Set(["image", "file", "audio", "video"]);

/**
 * The text, an attachment named rather than passed over. Undefined when there is
 * nothing to read.
 */
export function readableText(event: Pick<InboundMessage, "kind" | "text" | "media" | "geoUri" | "sender">): string | undefined {
  const text = event.text.trim();
  if (event.kind === "emote") return text === "" ? undefined : `* ${event.sender} ${text}`;
  if (event.kind === "location") return [text, event.geoUri ? `[location: ${event.geoUri}]` : ""].filter(Boolean).join("\n") || undefined;
  if (MEDIA.has(event.kind)) {
    const what = event.media?.voice ? "voice message" : event.kind;
    const name = event.media?.filename;
    return [text, `[${what}${name ? `: ${name}` : ""}]`].filter(Boolean).join("\n");
  }
  return text === "" ? undefined : text;
}
