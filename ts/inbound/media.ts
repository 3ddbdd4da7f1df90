/** Files of a message, as the host's context wants them. */
import type { InboundMediaFacts } from "../host/types.ts";
import type { TakenFile } from "../native/take-file.ts";

export type { TakenFile };

const KINDS = { image: "image", file: "document", audio: "audio", video: "video", sticker: "sticker" } as const;

/** Those that are there. */
export function mediaFacts(files: readonly TakenFile[], messageId: string, transcribed?: TakenFile): InboundMediaFacts[] {
  return files.flatMap((file) => {
    const { info, path, contentType } = file;
    if (path === undefined) return [];
    return [
      {
        path,
        contentType,
        kind: KINDS[info.kind],
        fileName: info.filename || undefined,
        durationMs: info.durationMs,
        width: info.width,
        height: info.height,
        messageId,
        ...(file === transcribed ? { transcribed: true } : {}),
      },
    ];
  });
}
