/** Buttons, lists and their kin in a reply, and how they read as text. */
export { normalizeMessagePresentation, renderMessagePresentationFallbackText, renderPresentationForDelivery } from "openclaw/plugin-sdk/interactive-runtime";
export type { MessagePresentation } from "openclaw/plugin-sdk/interactive-runtime";
