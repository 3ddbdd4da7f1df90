/** The host's side of approvals, as far as it is light; what costs seconds to load is in approval-routes.ts and approval-gateway.ts. */
import type { ChannelPlugin } from "openclaw/plugin-sdk/channel-core";

export { createLazyChannelApprovalNativeRuntimeAdapter, CHANNEL_APPROVAL_NATIVE_RUNTIME_CONTEXT_CAPABILITY } from "openclaw/plugin-sdk/approval-handler-adapter-runtime";
export type { ChannelApprovalKind, ChannelApprovalNativeRuntimeSpec, PendingApprovalView, ResolvedApprovalView } from "openclaw/plugin-sdk/approval-handler-runtime";

/** What a channel says of approvals. */
export type ApprovalCapability = NonNullable<ChannelPlugin["approvalCapability"]>;
/** An approval that is asked for, of any kind. */
export type ApprovalRequest = Parameters<NonNullable<NonNullable<ApprovalCapability["native"]>["resolveOriginTarget"]>>[0]["request"];
/** How an approval may be answered. */
export type ApprovalDecision = "allow-once" | "allow-always" | "deny";
