/** Which account an approval belongs to, and where it was asked for. Heavy to load: only the gateway needs it. */
export { matchesApprovalRequestFilters } from "openclaw/plugin-sdk/approval-client-runtime";
export { createChannelNativeOriginTargetResolver, doesApprovalRequestSelectChannelAccount } from "openclaw/plugin-sdk/approval-native-runtime";
