/** Sending, answering, editing and deleting messages; places on the map. */
import { jsonResult, readStringParam } from "../host/action-results.ts";
import { roomConfig } from "../config/accounts.ts";
import type { ChannelMessageActionContext } from "../host/types.ts";
import { normalizeOutboundLocation } from "../host/location.ts";
import { normalizeMessagePresentation } from "../host/presentation.ts";
import { deliveryKey } from "../outbound/adapter.ts";
import { sendOutboundLocation } from "../outbound/location.ts";
import { presented } from "../outbound/presentation.ts";
import { type OutboundAccount, sendOutboundFiles, sendOutboundText } from "../outbound/send.ts";
import { writeSettings } from "../outbound/settings.ts";
import { eventIdOf } from "../outbound/target.ts";
import { fileOptions, filePaths } from "./file-params.ts";
import { destination, handoff, messageIdOf, roomOf, threadOf } from "./target.ts";

export async function send(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const to = readStringParam(ctx.params, "to", { required: true });
  const location = normalizeOutboundLocation(ctx.params.location);
  const where = { to, threadRootId: threadOf(ctx, to), replyToId: eventIdOf(readStringParam(ctx.params, "replyTo")), key: deliveryKey({}), beforeSend: () => handoff(ctx) };
  if (location) {
    const sent = await sendOutboundLocation(outbound, where, location);
    return jsonResult({ ok: true, messageId: sent.eventIds[0], roomId: sent.roomId, state: sent.state });
  }
  const paths = filePaths(ctx.params);
  const { payload, extra } = await presented({ text: readStringParam(ctx.params, "message"), presentation: normalizeMessagePresentation(ctx.params.presentation) });
  const required = { required: paths.length === 0, allowEmpty: paths.length > 0 };
  const text = payload.text?.trim() ? payload.text : (readStringParam(ctx.params, "message", required) ?? "");
  const message = { ...where, text, extra };
  const sent = paths.length > 0 ? await sendOutboundFiles(outbound, { ...message, ...fileOptions(ctx), sources: { paths, access: ctx } }) : await sendOutboundText(outbound, message);
  return jsonResult({ ok: true, messageId: sent.eventIds[0], messageIds: sent.eventIds, roomId: sent.roomId, state: sent.state });
}

/** An answer that quotes the message it is about: the named one, else the one the agent was asked in. */
export async function reply(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const to = destination(ctx);
  const named = eventIdOf(readStringParam(ctx.params, "replyTo"));
  const replyToId = named ?? messageIdOf(ctx, { current: true });
  const sent = await sendOutboundText(outbound, {
    to,
    text: readStringParam(ctx.params, "message", { required: true, allowEmpty: false }),
    threadRootId: threadOf(ctx, to),
    replyToId,
    key: deliveryKey({}),
    beforeSend: () => handoff(ctx),
  });
  return jsonResult({ ok: true, messageId: sent.eventIds[0], replyTo: replyToId, roomId: sent.roomId, state: sent.state });
}

/** Takes a message of one's own back. */
export async function unsend(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const eventId = messageIdOf(ctx);
  const roomId = await roomOf(ctx, outbound);
  const { account } = outbound;
  const original = await account.fetchMessage(roomId, eventId);
  if (!original) throw new Error(`There is no message ${eventId} in ${roomId}.`);
  if (original.sender !== account.identity.userId) throw new Error(`${eventId} is ${original.sender}'s message; only one's own can be unsent. The action "delete" removes others', with the power to.`);
  await handoff(ctx);
  const sent = await account.redact({ roomId, eventId, reason: readStringParam(ctx.params, "reason") });
  return jsonResult({ ok: true, unsent: eventId, roomId, state: sent.state });
}

/** Only people newly named are notified; the core sees to it. */
export async function edit(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const eventId = messageIdOf(ctx);
  const markdown = readStringParam(ctx.params, "message", { required: true, allowEmpty: false });
  const roomId = await roomOf(ctx, outbound);
  const { account, resolved } = outbound;
  const original = await account.fetchMessage(roomId, eventId);
  if (!original) throw new Error(`There is no message ${eventId} in ${roomId}.`);
  if (original.sender !== account.identity.userId) throw new Error(`${eventId} is ${original.sender}'s message; only one's own can be edited.`);
  if (original.unavailable === "redacted") throw new Error(`${eventId} was deleted; a deleted message cannot be edited.`);
  const settings = writeSettings(resolved.config, roomConfig(resolved, { roomId, aliases: [] }).entry);
  await handoff(ctx);
  const sent = await account.editText({
    roomId,
    eventId,
    markdown,
    kind: original.kind === "notice" || original.kind === "emote" ? original.kind : "text",
    tables: settings.tables,
    draft: false,
  });
  return jsonResult({ ok: true, messageId: eventId, editId: sent.eventIds[0], roomId, state: sent.state });
}

export async function remove(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const eventId = messageIdOf(ctx);
  const roomId = await roomOf(ctx, outbound);
  await handoff(ctx);
  const sent = await outbound.account.redact({ roomId, eventId, reason: readStringParam(ctx.params, "reason") });
  return jsonResult({ ok: true, deleted: eventId, roomId, state: sent.state });
}
