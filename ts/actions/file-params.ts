/** Files as the host's message tool names them. */
import type { ChannelMessageActionContext } from "../host/types.ts";

const SINGLE = ["media", "mediaUrl", "path", "filePath", "fileUrl", "image"] as const;

function strings(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((one): one is string => typeof one === "string" && one.trim() !== "").map((one) => one.trim());
}

/** Paths and URLs of the files to send, each once, in order. */
export function filePaths(params: Record<string, unknown>): string[] {
  const many = strings(params.mediaUrls);
  return [...new Set(many.length > 0 ? many : SINGLE.flatMap((key) => strings(params[key])))];
}

const yes = (value: unknown): boolean => value === true || value === "true";

/** How they are sent. */
export function fileOptions({ params }: Pick<ChannelMessageActionContext, "params">): { voice: boolean; asFile: boolean } {
  return { voice: yes(params.asVoice) || yes(params.audioAsVoice), asFile: yes(params.forceDocument) || yes(params.asDocument) };
}
