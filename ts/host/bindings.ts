/** Conversations that are bound to a session: the host's service, its policy and its words. */
export {
  ensureConfiguredBindingRouteReady,
  formatThreadBindingDisabledError,
  formatThreadBindingSpawnDisabledError,
  getSessionBindingService,
  registerSessionBindingAdapter,
  resolveConfiguredBindingRoute,
  resolveRuntimeConversationBindingRoute,
  resolveThreadBindingFarewellText,
  resolveThreadBindingIdleTimeoutMsForChannel,
  resolveThreadBindingIntroText,
  resolveThreadBindingLifecycle,
  resolveThreadBindingMaxAgeMsForChannel,
  resolveThreadBindingSpawnPolicy,
  type SessionBindingAdapter,
  type SessionBindingRecord,
  unregisterSessionBindingAdapter,
} from "openclaw/plugin-sdk/conversation-runtime";

import type { resolveConfiguredBindingRoute as resolveConfigured, SessionBindingAdapter as Adapter } from "openclaw/plugin-sdk/conversation-runtime";

export type SessionBindInput = Parameters<NonNullable<Adapter["bind"]>>[0];
export type SessionUnbindInput = Parameters<NonNullable<Adapter["unbind"]>>[0];
export type ConfiguredBinding = NonNullable<ReturnType<typeof resolveConfigured>["bindingResolution"]>;
