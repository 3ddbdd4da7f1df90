/** Reacting, taking reactions back, listing them (REA-1 … REA-3). */
import { jsonResult, readPositiveIntegerParam, readStringParam } from "../host/action-results.ts";
import type { ChannelMessageActionContext } from "../host/types.ts";
import type { Reaction } from "../native/past.ts";
import type { OutboundAccount } from "../outbound/send.ts";
import { assertMayRead } from "./scope.ts";
import { handoff, messageIdOf, roomOf } from "./target.ts";

export async function react(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const emoji = (readStringParam(ctx.params, "emoji", { allowEmpty: true }) ?? "").trim();
  const remove = ctx.params.remove === true || ctx.params.remove === "true";
  const eventId = messageIdOf(ctx, { current: true });
  const roomId = await roomOf(ctx, outbound);
  if (remove || emoji === "") return takeBack(ctx, outbound, { roomId, eventId, emoji });
  await handoff(ctx);
  try {
    const sent = await outbound.account.react({ roomId, eventId, emoji });
    return jsonResult({ ok: true, added: emoji, messageId: eventId, reactionId: sent.eventIds[0], state: sent.state });
  } catch (error) {
    // The same reaction a second time is refused by homeservers; it is there, which is what was wanted.
    if ((error as { errcode?: unknown }).errcode !== "M_DUPLICATE_ANNOTATION") throw error;
    return jsonResult({ ok: true, added: emoji, messageId: eventId, already: true });
  }
}

/** Without an emoji, all of our own. */
async function takeBack(ctx: ChannelMessageActionContext, { account }: OutboundAccount, what: { roomId: string; eventId: string; emoji: string }) {
  const { roomId, eventId, emoji } = what;
  const own = (await account.reactions(roomId, eventId)).filter((reaction) => reaction.sender === account.identity.userId && (emoji === "" || reaction.key === emoji));
  for (const reaction of own) {
    await handoff(ctx);
    await account.redact({ roomId, eventId: reaction.eventId, key: `unreact:${reaction.eventId}` });
  }
  return jsonResult({ ok: true, removed: own.length, emojis: own.map((reaction) => reaction.key), messageId: eventId });
}

export interface ReactionSummary {
  key: string;
  count: number;
  users: string[];
}

/** By key, the most frequent first; one person counts once. */
export function summarize(reactions: readonly Reaction[]): ReactionSummary[] {
  const byKey = new Map<string, Set<string>>();
  for (const { key, sender } of reactions) byKey.set(key, (byKey.get(key) ?? new Set()).add(sender));
  return [...byKey].map(([key, users]) => ({ key, count: users.size, users: [...users] })).sort((a, b) => b.count - a.count);
}

const DEFAULT_LIMIT = 100;

export async function listReactions(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const eventId = messageIdOf(ctx, { current: true });
  const roomId = await roomOf(ctx, outbound);
  await assertMayRead(ctx, outbound, roomId);
  const limit = readPositiveIntegerParam(ctx.params, "limit") ?? DEFAULT_LIMIT;
  const all = await outbound.account.reactions(roomId, eventId);
  return jsonResult({ ok: true, messageId: eventId, roomId, reactions: summarize(all.slice(-limit)) });
}

const MAX_EMOJIS = 100;

/** The custom emoji that can be named in the room (EMO-1); a reaction's key is the identifier (REA-7). */
export async function listEmojis(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const roomId = await roomOf(ctx, outbound);
  await assertMayRead(ctx, outbound, roomId);
  const limit = Math.min(readPositiveIntegerParam(ctx.params, "limit") ?? MAX_EMOJIS, MAX_EMOJIS);
  const all = await outbound.account.emojis(roomId);
  const emojis = all.slice(0, limit).map(({ shortcode, url }) => ({ name: shortcode, identifier: shortcode, url }));
  return jsonResult({ ok: true, roomId, emojis, more: all.length > emojis.length });
}
