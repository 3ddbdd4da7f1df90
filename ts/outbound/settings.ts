/** How an account writes: what the configuration says about text going out. */
import type { MatrixAccountConfig, MatrixRoomConfig } from "../config/accounts.ts";

export const DEFAULT_CHUNK_LIMIT = 4000;

export interface WriteSettings {
  chunkLimit: number;
  chunkMode: "length" | "newline";
  tables: "block" | "bullets" | "code" | "off";
  streaming: "off" | "partial" | "quiet" | "progress";
  /** Drafts are notices, which ring nowhere. */
  quiet: boolean;
  blockStreaming: boolean;
  /** As written, for the host's own readers of it. */
  written: NonNullable<MatrixAccountConfig["streaming"]>;
  replyToMode: "off" | "first" | "all" | "batched";
}

export function writeSettings(config: MatrixAccountConfig, room?: MatrixRoomConfig): WriteSettings {
  const streaming = { ...config.streaming, ...room?.streaming };
  const limit = config.textChunkLimit;
  return {
    chunkLimit: limit !== undefined && limit > 0 ? Math.floor(limit) : DEFAULT_CHUNK_LIMIT,
    chunkMode: streaming.chunkMode ?? "length",
    tables: config.markdown?.tables ?? "block",
    streaming: streaming.mode ?? "off",
    quiet: streaming.mode === "quiet" || streaming.mode === "progress",
    blockStreaming: streaming.block?.enabled ?? false,
    written: streaming,
    replyToMode: room?.replyToMode ?? config.replyToMode ?? "off",
  };
}
