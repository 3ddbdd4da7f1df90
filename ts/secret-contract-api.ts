/** Sidecar of the host's secrets: without it, references in `channels.matrix` stay unresolved (SEC-1). */
export { channelSecrets, collectRuntimeConfigAssignments, secretTargetRegistryEntries } from "./config/secret-contract.ts";
