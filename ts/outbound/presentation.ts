/**
 * Buttons, lists and the like (PRE-1, PRE-2): text that everybody can read, and the
 * same once more in `com.openclaw.presentation` for clients that know OpenClaw. The
 * host decides what the blocks are and how they read; here they find their event.
 */
import { createLazyRuntimeModule } from "../host/lazy.ts";
import type { MessagePresentation } from "../host/presentation.ts";
import type { ChannelOutboundAdapter, ReplyPayload } from "../host/types.ts";

const loadHost = createLazyRuntimeModule(() => import("../host/presentation.ts"));

const PRESENTATION_KEY = "com.openclaw.presentation";
/** For blocks that have no words, like a mere divider. */
const NO_WORDS = "---";

export const presentationCapabilities: NonNullable<ChannelOutboundAdapter["presentationCapabilities"]> = {
  supported: true,
  buttons: true,
  selects: true,
  context: true,
  divider: true,
  // Nothing is drawn here: clients get every hint there is.
  limits: { actions: { supportsStyles: true, supportsDisabled: true, supportsLayoutHints: true }, text: { markdownDialect: "markdown", supportsEdit: true } },
};

/** `channelData.matrix` of a payload. */
interface MatrixData {
  /** The event's further content; the name that plugins know. */
  extraContent?: Record<string, unknown>;
  /** Blocks that a menu of ours brought with it; see menus.ts. */
  presentation?: MessagePresentation;
}

function matrixData(payload: ReplyPayload): MatrixData {
  const data = payload.channelData?.matrix;
  return typeof data === "object" && data !== null ? data : {};
}

/** The host's `renderPresentation`: text for the body, the blocks for the event. */
export async function renderPresentation({ payload, presentation }: { payload: ReplyPayload; presentation: MessagePresentation }): Promise<ReplyPayload> {
  const { renderMessagePresentationFallbackText } = await loadHost();
  const { presentation: _menu, ...data } = matrixData(payload);
  const extraContent = { ...data.extraContent, [PRESENTATION_KEY]: { ...presentation, version: 1, type: "message.presentation" } };
  return {
    ...payload,
    text: renderMessagePresentationFallbackText({ text: payload.text, presentation, emptyFallback: NO_WORDS }),
    channelData: { ...payload.channelData, matrix: { ...data, extraContent } },
  };
}

/** A reply as it is sent: its words, and what its first event carries beside them. */
export async function presented(payload: ReplyPayload): Promise<{ payload: ReplyPayload; extra?: Record<string, unknown> }> {
  const presentation = payload.presentation ?? matrixData(payload).presentation;
  if (!presentation) return { payload, extra: matrixData(payload).extraContent };
  const { renderPresentationForDelivery } = await loadHost();
  const rendered = await renderPresentationForDelivery({ presentationCapabilities, renderPresentation: (adapted) => renderPresentation({ payload: adapted, presentation: adapted.presentation }) }, { ...payload, presentation });
  return { payload: rendered, extra: matrixData(rendered).extraContent };
}
