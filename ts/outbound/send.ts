/** One text to one destination, through the account that runs in this process. */
import { type ResolvedMatrixAccount, roomConfig } from "../config/accounts.ts";
import { PlatformMessageNotDispatchedError } from "../host/errors.ts";
import { mediaMaxBytes } from "../config/media.ts";
import type { FileAccess } from "../host/media.ts";
import { sanitizeAssistantVisibleText } from "../host/visible-text.ts";
import type { Account, SendFile, Sent } from "../native/account.ts";
import { deliveryError } from "./failure.ts";
import { FileNotLoaded, loadFile } from "./media.ts";
import { writeSettings } from "./settings.ts";
import { parseTarget, TARGET_HINT } from "./target.ts";

/** The account an outbound call runs on; the gateway knows which are there. */
export interface OutboundAccount {
  account: Account;
  resolved: ResolvedMatrixAccount;
  /** Deliveries of the host's queue that are out by another way, by their ids. */
  replaced?: ReadonlyMap<string, { roomId: string; eventIds: readonly string[] }>;
  /** Remembers that the account has spoken in a thread. */
  noteThread?: (roomId: string, rootId: string) => Promise<void>;
}

export interface OutboundText {
  to: string;
  text: string;
  threadRootId?: string;
  replyToId?: string;
  key: string;
  /** Further content of the first event. */
  extra?: Record<string, unknown>;
  /** Called right before the send; throws when the host has withdrawn it. */
  beforeSend?: () => Promise<void>;
}

/** The room behind a target; a person's is opened if there is none (SES-10). */
export async function resolveRoom(account: Account, to: string): Promise<string> {
  const target = parseTarget(to);
  if (!target) throw new PlatformMessageNotDispatchedError(`"${to}" is no Matrix destination: give ${TARGET_HINT}.`, { cause: undefined });
  if (target.kind === "room") return target.roomId;
  if (target.kind === "user") return (await account.openDm(target.userId)).roomId;
  const resolved = await account.resolveAlias(target.alias);
  if (!resolved) throw new PlatformMessageNotDispatchedError(`There is no room ${target.alias}.`, { cause: undefined });
  return resolved.roomId;
}

export async function sendOutboundText({ account, resolved, noteThread }: OutboundAccount, message: OutboundText): Promise<Sent & { roomId: string }> {
  const markdown = sanitizeAssistantVisibleText(message.text);
  if (markdown.trim() === "") throw new PlatformMessageNotDispatchedError("The text holds nothing for a person to read.", { cause: undefined });
  const roomId = await resolveRoom(account, message.to);
  const settings = writeSettings(resolved.config, roomConfig(resolved, { roomId, aliases: [] }).entry);
  await message.beforeSend?.();
  try {
    const sent = await account.sendText({
      roomId,
      threadRootId: message.threadRootId,
      replyToId: message.replyToId,
      markdown,
      kind: "text",
      key: message.key,
      chunkLimit: settings.chunkLimit,
      chunkMode: settings.chunkMode,
      tables: settings.tables,
      extra: message.extra,
    });
    // Who has spoken in a thread takes part in it (HST-1).
    if (message.threadRootId) await noteThread?.(roomId, message.threadRootId);
    return { ...sent, roomId };
  } catch (error) {
    throw await deliveryError(account, { key: message.key, roomId, text: message.text }, error);
  }
}

/** Where the files of a message come from. */
export type FileSources = { paths: readonly string[]; access: FileAccess } | { files: readonly SendFile[] };

export interface OutboundFiles extends OutboundText {
  sources: FileSources;
  /** Sound is a voice message. */
  voice?: boolean;
  /** Sent as files, whatever they are. */
  asFile?: boolean;
}

/** All files or none: one that cannot be had is an error, with nothing sent. */
async function loadAll(sources: FileSources, maxBytes: number): Promise<readonly SendFile[]> {
  if ("files" in sources) return sources.files;
  return Promise.all(sources.paths.map((path) => loadFile(path, sources.access, maxBytes)));
}

/** Files with their text as a caption. A key that is known is not loaded again. */
export async function sendOutboundFiles({ account, resolved, noteThread }: OutboundAccount, message: OutboundFiles): Promise<Sent & { roomId: string }> {
  const roomId = await resolveRoom(account, message.to);
  const settings = writeSettings(resolved.config, roomConfig(resolved, { roomId, aliases: [] }).entry);
  const loaded = await loadAll(message.sources, mediaMaxBytes(resolved.config)).catch((error: unknown) => {
    throw error instanceof FileNotLoaded ? new PlatformMessageNotDispatchedError(`${error.message}.`, { cause: error.cause }) : error;
  });
  const { voice, asFile } = message;
  await message.beforeSend?.();
  try {
    const sent = await account.sendMedia({
      roomId,
      threadRootId: message.threadRootId,
      replyToId: message.replyToId,
      files: loaded.map((file) => ({ ...file, ...(voice ? { voice } : {}), ...(asFile ? { asFile } : {}) })),
      caption: message.text.trim() === "" ? undefined : message.text,
      key: message.key,
      chunkLimit: settings.chunkLimit,
      chunkMode: settings.chunkMode,
      tables: settings.tables,
    });
    if (message.threadRootId) await noteThread?.(roomId, message.threadRootId);
    return { ...sent, roomId };
  } catch (error) {
    throw await deliveryError(account, { key: message.key, roomId, text: message.text }, error);
  }
}
