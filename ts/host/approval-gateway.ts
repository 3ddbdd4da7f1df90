/** Hands a decision to the gateway. */
export { resolveApprovalOverGateway } from "openclaw/plugin-sdk/approval-gateway-runtime";
export { isApprovalNotFoundError } from "openclaw/plugin-sdk/error-runtime";
