/** Whose direct messages may set where the main session answers by default. */
export { resolvePinnedMainDmOwnerFromAllowlist } from "openclaw/plugin-sdk/security-runtime";
