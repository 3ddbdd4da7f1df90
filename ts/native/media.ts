/** Files in and out, as the rest of the plugin sees them; part of the account's contract. */
import type { SendTarget, Sent } from "./account.ts";

/** A file behind an mxc URI, encrypted or not. What is said of it is its sender's word. */
export interface MediaInfo {
  kind: "image" | "file" | "audio" | "video" | "sticker";
  /** For `downloadMedia`; absent if the event does not say where the file lies. May hold a key: not for logs. */
  source?: string;
  filename: string;
  mimetype?: string;
  size?: number;
  width?: number;
  height?: number;
  durationMs?: number;
  /** Has MSC3245's marker. */
  voice: boolean;
}

/** One file to send. */
export interface SendFile {
  bytes: Buffer;
  filename: string;
  /** Left out, the file's own bytes say it where they can. */
  mimetype?: string;
  /** A small JPEG of a picture or film; clients show it first. */
  small?: Buffer;
  /** Sound is sent as a voice message (MSC3245). */
  voice?: boolean;
  /** Sent as `m.file`, whatever it is. */
  asFile?: boolean;
}

export interface SendMedia extends SendTarget {
  /** At least one; each becomes an event, in order. */
  files: SendFile[];
  /** Markdown; goes with the first file (MSC2530), and on in messages of its own if it is longer than one. */
  caption?: string;
  /** As in `SendText`. Files of a known key are not looked at. */
  key?: string;
  chunkLimit: number;
  chunkMode: "length" | "newline";
  tables: "block" | "bullets" | "code" | "off";
  waitMs?: number;
}

/** A file that was fetched and decrypted. */
export interface Downloaded {
  /** Where it lies, readable by this user alone; the caller's to delete. */
  path: string;
  size: number;
  /** What its homeserver takes it for, if it is not encrypted. */
  contentType?: string;
}

/** What an account does with files. */
export interface MediaTransfer {
  /** Durable like `sendText`: the files are stored, encrypted, before anything is sent. */
  sendMedia(request: SendMedia): Promise<Sent>;
  /** Rejects with `media_too_large` for more than `maxBytes`, `not_found`, `store_corrupt` if it is not what its sender encrypted. */
  downloadMedia(source: string, maxBytes: number): Promise<Downloaded>;
}
