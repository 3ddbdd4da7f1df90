/** The host's way to send through us: the message tool, cron, recovery, `openclaw message send`. */
import { randomUUID } from "node:crypto";
import type {
  ChannelMessageAdapterShape,
  ChannelMessageUnknownSendContext,
  ChannelMessageUnknownSendReconciliationResult,
  ChannelOutboundAdapter,
  ChannelOutboundContext,
  OpenClawConfig,
} from "../host/types.ts";
import { createLazyRuntimeModule } from "../host/lazy.ts";
import type { OutboundLocation } from "../host/location.ts";
import { mediaOf } from "./media.ts";
import { presentationCapabilities, presented, renderPresentation } from "./presentation.ts";
import type { OutboundAccount, OutboundText } from "./send.ts";
import { DEFAULT_CHUNK_LIMIT } from "./settings.ts";
import { eventIdOf, normalizeTarget, parseTarget, TARGET_HINT } from "./target.ts";

const loadSend = createLazyRuntimeModule(() => import("./send.ts"));
const loadLocation = createLazyRuntimeModule(() => import("./location.ts"));
const loadFailure = createLazyRuntimeModule(() => import("./failure.ts"));

type Delivery = Awaited<ReturnType<NonNullable<ChannelOutboundAdapter["sendText"]>>>;

/** Finds the account that runs in this process; throws with the way out when none does. */
export type FindAccount = (cfg: OpenClawConfig, accountId?: string | null) => OutboundAccount;

/** A delivery the host drives again after a crash has the same key, hence makes no second event (OUT-7). */
export function deliveryKey(ctx: Pick<ChannelOutboundContext, "deliveryQueueId" | "deliveryPartIndex">): string {
  return ctx.deliveryQueueId === undefined ? `out:${randomUUID()}` : `queue:${ctx.deliveryQueueId}:${ctx.deliveryPartIndex ?? 0}`;
}

/** What text and files have in common. */
function outboundText(ctx: ChannelOutboundContext): OutboundText {
  return {
    to: ctx.to,
    text: ctx.text,
    threadRootId: eventIdOf(ctx.threadId),
    replyToId: eventIdOf(ctx.replyToId),
    key: deliveryKey(ctx),
    beforeSend: async () => {
      await ctx.onPlatformSendDispatch?.();
      ctx.signal?.throwIfAborted();
      ctx.assertDirectAdapterHandoff?.();
    },
  };
}

export function createOutboundAdapter(find: FindAccount): ChannelOutboundAdapter {
  const deliver = async (ctx: ChannelOutboundContext, { paths = ctx.mediaUrl ? [ctx.mediaUrl] : [], extra, location }: { paths?: readonly string[]; extra?: Record<string, unknown>; location?: OutboundLocation } = {}): Promise<Delivery> => {
    ctx.signal?.throwIfAborted();
    const [{ sendOutboundFiles, sendOutboundText }, { receiptOf }] = await Promise.all([loadSend(), loadFailure()]);
    const message = { ...outboundText(ctx), extra };
    const { mediaAccess, mediaLocalRoots, mediaReadFile } = ctx;
    const outbound = find(ctx.cfg, ctx.accountId);
    const replaced = ctx.deliveryQueueId === undefined ? undefined : outbound.replaced?.get(ctx.deliveryQueueId);
    const sent = replaced
      ? { ...replaced, state: "sent" }
      : location
      ? await (await loadLocation()).sendOutboundLocation(outbound, message, location)
      : paths.length > 0
        ? await sendOutboundFiles(outbound, {
            ...message,
            sources: { paths, access: { mediaAccess, mediaLocalRoots, mediaReadFile } },
            voice: ctx.audioAsVoice,
            asFile: ctx.forceDocument,
          })
        : await sendOutboundText(outbound, message);
    return {
      channel: "matrix",
      messageId: sent.eventIds[0] ?? "",
      target: { kind: "room", id: sent.roomId },
      receipt: receiptOf(sent.roomId, sent.eventIds, { threadId: message.threadRootId, replyToId: message.replyToId }),
      meta: { state: sent.state },
    };
  };
  return {
    deliveryMode: "direct",
    // The core splits: it knows the events' real size.
    chunker: null,
    textChunkLimit: DEFAULT_CHUNK_LIMIT,
    deliveryCapabilities: {
      durableFinal: { text: true, media: true, payload: true, replyTo: true, thread: true, messageSendingHooks: true, reconcileUnknownSend: true },
    },
    resolveTarget: ({ to }) => {
      const target = to === undefined ? undefined : normalizeTarget(to);
      return target === undefined
        ? { ok: false, error: new Error(`"${to ?? ""}" is no Matrix destination: give ${TARGET_HINT}.`) }
        : { ok: true, to: target };
    },
    presentationCapabilities,
    renderPresentation,
    // Words with something beside them: blocks for the first event, files, or data for some other channel.
    sendPayload: async (ctx) => {
      if (ctx.payload.location) return deliver(ctx, { location: ctx.payload.location });
      const { payload, extra } = await presented(ctx.payload);
      return deliver({ ...ctx, text: payload.text ?? ctx.text, audioAsVoice: payload.audioAsVoice ?? ctx.audioAsVoice }, { paths: mediaOf(payload), extra });
    },
    sendText: (ctx) => deliver(ctx),
    sendMedia: (ctx) => deliver(ctx),
  };
}

/**
 * Whether a send the host lost sight of is out. The outbox has the answer: it
 * wrote the row before it sent anything.
 */
export async function reconcileUnknownSend(
  find: FindAccount,
  ctx: ChannelMessageUnknownSendContext,
): Promise<ChannelMessageUnknownSendReconciliationResult> {
  let outbound: OutboundAccount;
  try {
    outbound = find(ctx.cfg, ctx.accountId);
  } catch (error) {
    return { status: "unresolved", retryable: true, error: error instanceof Error ? error.message : String(error) };
  }
  const { receiptOf } = await loadFailure();
  const replaced = outbound.replaced?.get(ctx.queueId);
  if (replaced) return { status: "sent", messageId: replaced.eventIds[0], receipt: receiptOf(replaced.roomId, replaced.eventIds, { threadId: eventIdOf(ctx.threadId) }) };
  const entry = await outbound.account.outboxEntry(deliveryKey({ deliveryQueueId: ctx.queueId, deliveryPartIndex: 0 }));
  if (entry.state === "queued") return { status: "unresolved", retryable: true, error: "the message waits in the outbox" };
  if (entry.state === "sent") {
    const target = parseTarget(ctx.to);
    const roomId = target?.kind === "room" ? target.roomId : ctx.to;
    return { status: "sent", messageId: entry.eventIds[0], receipt: receiptOf(roomId, entry.eventIds, { threadId: eventIdOf(ctx.threadId) }) };
  }
  if (entry.inDoubt) return { status: "unresolved", retryable: false, error: `${entry.error ?? "it was given up"}; it may have arrived all the same. See \`openclaw matrix outbox list\`.` };
  if (entry.eventIds.length > 0) return { status: "unresolved", retryable: false, error: entry.error ?? "only a part was sent" };
  return { status: "not_sent" };
}

export function createMessageAdapter(find: FindAccount): ChannelMessageAdapterShape {
  const { sendText, sendMedia, sendPayload } = createOutboundAdapter(find);
  const receiptOfSend = ({ receipt, messageId }: Delivery) => {
    if (!receipt) throw new Error("the Matrix channel sent without a receipt");
    return { receipt, messageId };
  };
  return {
    id: "matrix",
    durableFinal: {
      capabilities: { text: true, media: true, payload: true, replyTo: true, thread: true, messageSendingHooks: true, reconcileUnknownSend: true },
      automaticUnknownSendReconciliation: true,
      reconcileUnknownSendKinds: { text: true, media: true, payload: true },
      reconcileUnknownSend: (ctx) => reconcileUnknownSend(find, ctx),
    },
    send: {
      text: async (ctx) => {
        if (!sendText) throw new Error("the Matrix channel has no text adapter");
        return receiptOfSend(await sendText(ctx as ChannelOutboundContext));
      },
      media: async (ctx) => {
        if (!sendMedia) throw new Error("the Matrix channel has no media adapter");
        return receiptOfSend(await sendMedia(ctx as ChannelOutboundContext));
      },
      payload: async (ctx) => {
        if (!sendPayload) throw new Error("the Matrix channel has no payload adapter");
        return receiptOfSend(await sendPayload(ctx as Parameters<typeof sendPayload>[0]));
      },
    },
  };
}
