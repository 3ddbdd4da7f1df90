/** Session keys as the host derives them. */
import { resolveThreadSessionKeys as resolveHostThreadSessionKeys } from "openclaw/plugin-sdk/routing";

export { isAcpSessionKey, resolveInboundLastRouteSessionKey } from "openclaw/plugin-sdk/routing";

/** Session keys of a thread. Event ids are case-sensitive; the host folds thread ids unless told otherwise, and then takes the session for somebody else's. */
export function resolveThreadSessionKeys(
  params: Omit<Parameters<typeof resolveHostThreadSessionKeys>[0], "normalizeThreadId">,
): ReturnType<typeof resolveHostThreadSessionKeys> {
  return resolveHostThreadSessionKeys({ ...params, normalizeThreadId: (threadId) => threadId });
}
