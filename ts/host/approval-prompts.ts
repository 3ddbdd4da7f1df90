/** The host's runtime of native prompts; loaded with the first approval. */
export { createChannelApprovalNativeRuntimeAdapter } from "openclaw/plugin-sdk/approval-handler-runtime";
