/** Files on their way out: what is said of them, and what is loaded from where the host allows it. */
import { createLazyRuntimeModule } from "../host/lazy.ts";
import type { FileAccess } from "../host/media.ts";
import type { ReplyPayload } from "../host/types.ts";
import type { SendFile } from "../native/account.ts";
import { megabytes } from "../native/take-file.ts";

const loadMedia = createLazyRuntimeModule(() => import("../host/media.ts"));

/** A file that was not loaded; the message is for whoever wanted it sent, and names no folder. */
export class FileNotLoaded extends Error {
  override readonly name = "FileNotLoaded";
}

/** The last part of a path or URL. */
export function nameOf(source: string): string {
  const path = source.replace(/^file:\/\//i, "").replace(/[?#].*$/, "");
  const last = path.split(/[/\\]/).findLast((part) => part !== "") ?? "";
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/**
 * Loads a file.
 *
 * @throws {FileNotLoaded} for a path outside the allowed folders, an address on a private network,
 * a file over the cap
 */
export async function loadFile(source: string, access: FileAccess, maxBytes: number): Promise<SendFile> {
  const { loadOutboundFile } = await loadMedia();
  try {
    const { buffer, contentType, fileName } = await loadOutboundFile(source, { ...access, maxBytes });
    return await withSmallCopy({ bytes: buffer, filename: fileName ?? nameOf(source), mimetype: contentType });
  } catch (error) {
    throw new FileNotLoaded(`${nameOf(source) || "the file"} could not be attached: ${reasonOf(error, maxBytes)}`, { cause: error });
  }
}

/** Pixels a side, and quality, of what clients show before the picture itself (MED-7). */
const SMALL_SIDE = 800;
const SMALL_QUALITY = 80;

/** A picture goes with a small copy, where the host can make one. */
export async function withSmallCopy(file: SendFile): Promise<SendFile> {
  if (!file.mimetype?.startsWith("image/") || file.mimetype === "image/svg+xml") return file;
  const { smallJpeg } = await loadMedia();
  const small = await smallJpeg(file.bytes, SMALL_SIDE, SMALL_QUALITY).catch(() => undefined);
  return small ? { ...file, small } : file;
}

function reasonOf(error: unknown, maxBytes: number): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  const message = error instanceof Error ? error.message : String(error);
  if (/\bexceeds\b|too.large/i.test(message)) return `it is larger than ${megabytes(maxBytes)} (channels.matrix.mediaMaxMb)`;
  switch (code) {
    case "path-not-allowed":
    case "invalid-root":
    case "unsafe-bypass":
    case "network-path-not-allowed":
      return "it lies outside the folders that may be sent from";
    case "not-found":
    case "not-file":
    case "ENOENT":
      return "there is no such file";
    default:
      if (/private|internal|blocked|ssrf/i.test(message)) return "its address is on a private network";
      return "it could not be read";
  }
}

/** The files a reply carries, each once, in order. */
export function mediaOf(payload: Pick<ReplyPayload, "mediaUrl" | "mediaUrls">): string[] {
  const all = payload.mediaUrls && payload.mediaUrls.length > 0 ? payload.mediaUrls : [payload.mediaUrl];
  return [...new Set(all.map((url) => url?.trim()).filter((url): url is string => Boolean(url)))];
}

/** Loads files; those that cannot be had are told of. */
export async function loadFiles(
  sources: readonly string[],
  load: (source: string) => Promise<SendFile>,
  onError: (text: string, error: unknown) => void,
): Promise<{ files: SendFile[]; missing: string[] }> {
  const files: SendFile[] = [];
  const missing: string[] = [];
  for (const source of sources) {
    try {
      files.push(await load(source));
    } catch (error) {
      const text = error instanceof FileNotLoaded ? error.message : `${nameOf(source) || "a file"} could not be attached`;
      missing.push(text);
      onError(text, error instanceof FileNotLoaded ? error.cause : error);
    }
  }
  return { files, missing };
}
