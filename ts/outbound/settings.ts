/** How an account writes: what the configuration says about text going out. */
import type { MatrixAccountConfig, MatrixRoomConfig } from "../config/accounts.ts";

export const DEFAULT_CHUNK_LIMIT = 4000;

export interface WriteSettings {
  chunkLimit: number;
  chunkMode: "length" | "newline";
  tables: "block" | "bullets" | "code" | "off";
  streaming: "off" | "partial" | "quiet";
  blockStreaming: boolean;
  replyToMode: "off" | "first" | "all" | "batched";
}

export function writeSettings(config: MatrixAccountConfig, room?: MatrixRoomConfig): WriteSettings {
  const streaming = { ...config.streaming, ...room?.streaming };
  const limit = config.textChunkLimit;
  return {
    chunkLimit: limit !== undefined && limit > 0 ? Math.floor(limit) : DEFAULT_CHUNK_LIMIT,
    chunkMode: streaming.chunkMode ?? "length",
    tables: config.markdown?.tables ?? "block",
    streaming: streaming.mode === "partial" || streaming.mode === "quiet" ? streaming.mode : "off",
    blockStreaming: streaming.block?.enabled ?? false,
    replyToMode: room?.replyToMode ?? config.replyToMode ?? "off",
  };
}
