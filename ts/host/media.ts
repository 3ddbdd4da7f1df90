/** The host's store for files that came in, and its guarded way to files that go out. */
import { createReadStream } from "node:fs";
import { getAgentScopedMediaLocalRoots } from "openclaw/plugin-sdk/media-local-roots";
import { buildOutboundMediaLoadOptions, resizeToJpeg } from "openclaw/plugin-sdk/media-runtime";
import { saveMediaStream } from "openclaw/plugin-sdk/media-store";
import { loadWebMedia } from "openclaw/plugin-sdk/web-media";
import type { OpenClawConfig, OutboundMediaAccess } from "./types.ts";

/** Copies a file into the host's store, in pieces; the host looks at its bytes to tell what it is. */
export async function keepInboundFile(
  path: string,
  file: { contentType?: string; filename?: string; maxBytes: number },
): Promise<{ path: string; contentType?: string }> {
  const saved = await saveMediaStream(createReadStream(path), file.contentType, "inbound", file.maxBytes, file.filename);
  return { path: saved.path, ...(saved.contentType === undefined ? {} : { contentType: saved.contentType }) };
}

/** What a caller may read. */
export interface FileAccess {
  mediaAccess?: OutboundMediaAccess;
  mediaLocalRoots?: readonly string[];
  mediaReadFile?: (filePath: string) => Promise<Buffer>;
}

/** A file as it is, from a path inside the allowed folders or from the web outside private networks. */
export async function loadOutboundFile(source: string, access: FileAccess & { maxBytes: number }): Promise<{ buffer: Buffer; contentType?: string; fileName?: string }> {
  return loadWebMedia(source, buildOutboundMediaLoadOptions({ ...access, optimizeImages: false }));
}

/** A picture as a JPEG of at most so many pixels a side. */
export function smallJpeg(buffer: Buffer, maxSide: number, quality: number): Promise<Buffer> {
  return resizeToJpeg({ buffer, maxSide, quality, withoutEnlargement: true });
}

/** What an agent's replies may attach. */
export function agentFileAccess(cfg: OpenClawConfig, agentId: string): FileAccess {
  return { mediaLocalRoots: getAgentScopedMediaLocalRoots(cfg, agentId) };
}
