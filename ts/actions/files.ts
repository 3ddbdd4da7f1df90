/** Files: attached to a conversation, fetched out of one. */
import { jsonResult, readStringParam } from "../host/action-results.ts";
import { mediaMaxBytes } from "../config/media.ts";
import { createLazyRuntimeModule } from "../host/lazy.ts";
import type { ChannelMessageActionContext } from "../host/types.ts";
import type { MediaInfo } from "../native/account.ts";
import { takeFile } from "../native/take-file.ts";
import { deliveryKey } from "../outbound/adapter.ts";
import { type FileSources, type OutboundAccount, sendOutboundFiles } from "../outbound/send.ts";
import { nameOf, withSmallCopy } from "../outbound/media.ts";
import { eventIdOf } from "../outbound/target.ts";
import { fileOptions, filePaths } from "./file-params.ts";
import { assertMayRead } from "./scope.ts";
import { handoff, messageIdOf, roomOf, threadOf } from "./target.ts";

const loadMedia = createLazyRuntimeModule(() => import("../host/media.ts"));

/** The host reads the file, inside its sandbox, and gives its bytes. */
async function sourcesOf(ctx: ChannelMessageActionContext): Promise<FileSources> {
  const { params } = ctx;
  const paths = filePaths(params);
  const bytes = readStringParam(params, "buffer", { trim: false });
  if (bytes === undefined) {
    if (paths.length === 0) throw new Error("There is no file to send: give media, path or buffer.");
    return { paths, access: ctx };
  }
  const filename = readStringParam(params, "filename") ?? nameOf(paths[0] ?? "") ?? "";
  const mimetype = readStringParam(params, "contentType") ?? readStringParam(params, "mimeType");
  return { files: [await withSmallCopy({ bytes: Buffer.from(bytes, "base64"), filename, mimetype })] };
}

export async function attach(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const to = readStringParam(ctx.params, "to", { required: true });
  const sources = await sourcesOf(ctx);
  const cap = mediaMaxBytes(outbound.resolved.config);
  if ("files" in sources && sources.files.some(({ bytes }) => bytes.length > cap)) {
    throw new Error("The file is larger than channels.matrix.mediaMaxMb allows.");
  }
  const sent = await sendOutboundFiles(outbound, {
    to,
    text: readStringParam(ctx.params, "caption") ?? readStringParam(ctx.params, "message") ?? "",
    threadRootId: threadOf(ctx, to),
    replyToId: eventIdOf(readStringParam(ctx.params, "replyTo")),
    key: deliveryKey({}),
    beforeSend: () => handoff(ctx),
    sources,
    ...fileOptions(ctx),
  });
  return jsonResult({ ok: true, messageId: sent.eventIds[0], messageIds: sent.eventIds, roomId: sent.roomId, state: sent.state });
}

/** One of a message's files, counted from 1. */
function chosen(files: readonly MediaInfo[], number: string | undefined): readonly MediaInfo[] {
  if (number === undefined) return files;
  const file = files[Number(number) - 1];
  if (!file) throw new Error(`The message has ${files.length} file(s); fileId is a number from 1 to ${files.length}.`);
  return [file];
}

/** Brings the files of a message into the host's media folder (MED-13). */
export async function download(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const { account, resolved } = outbound;
  const eventId = messageIdOf(ctx);
  const roomId = await roomOf(ctx, outbound);
  await assertMayRead(ctx, outbound, roomId);
  const message = await account.fetchMessage(roomId, eventId);
  if (!message) throw new Error(`There is no message ${eventId} in ${roomId}.`);
  if (message.unavailable === "undecryptable") throw new Error(`The key of ${eventId} is not here, so its files cannot be opened.`);
  const files = message.media;
  if (files.length === 0) throw new Error(`${eventId} carries no file.`);
  const { keepInboundFile } = await loadMedia();
  const taken = [];
  for (const info of chosen(files, readStringParam(ctx.params, "fileId"))) {
    taken.push(await takeFile(info, { account, keep: keepInboundFile, maxBytes: mediaMaxBytes(resolved.config) }));
  }
  // Not the source: it may hold a key.
  const told = taken.map(({ info, path, contentType, problem }) => ({ name: info.filename, kind: info.kind, path, contentType, problem }));
  return jsonResult({ ok: taken.every(({ path }) => path !== undefined), messageId: eventId, roomId, files: told });
}
