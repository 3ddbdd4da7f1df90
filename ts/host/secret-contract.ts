/** How a channel tells the host where its secrets stand. */
export {
  collectSecretInputAssignment,
  getChannelSurface,
  hasConfiguredSecretInputValue,
  type ResolverContext,
  type SecretDefaults,
  type SecretTargetRegistryEntry,
} from "openclaw/plugin-sdk/channel-secret-basic-runtime";
