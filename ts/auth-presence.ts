/** Sidecar by which the host learns, before it loads anything, whether somebody is logged in. */
export { hasAnyMatrixAuth } from "./config/presence.ts";
