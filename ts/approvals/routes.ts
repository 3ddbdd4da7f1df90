/** Which approvals an account asks for, and where they came from. Loaded with the first account: what it needs of the host is heavy. */
import { listMatrixAccountIds, resolveDefaultMatrixAccountId } from "../config/accounts.ts";
import { createChannelNativeOriginTargetResolver, doesApprovalRequestSelectChannelAccount, matchesApprovalRequestFilters } from "../host/approval-routes.ts";
import type { ApprovalRequest, ChannelApprovalKind } from "../host/approvals.ts";
import type { OpenClawConfig } from "../host/types.ts";
import { eventIdOf, normalizeTarget } from "../outbound/target.ts";
import { asks, filters } from "./approvers.ts";

export interface Asked {
  cfg: OpenClawConfig;
  accountId?: string | null;
  approvalKind?: ChannelApprovalKind;
  request: ApprovalRequest;
}

function kindOf({ approvalKind, request }: Asked): ChannelApprovalKind {
  if (approvalKind) return approvalKind;
  if ("proposalHash" in request.request) return "system-agent";
  return "command" in request.request ? "exec" : "plugin";
}

/** Whether this account is the one to ask for it (APR-1, APR-4). */
export function handles(asked: Asked): boolean {
  const { cfg, request } = asked;
  const kind = kindOf(asked);
  const defaultAccountId = resolveDefaultMatrixAccountId(cfg);
  const accountId = asked.accountId ?? defaultAccountId;
  if (!asks({ cfg, accountId }, kind)) return false;
  const eligibleAccountIds = listMatrixAccountIds(cfg).filter((id) => asks({ cfg, accountId: id }, kind));
  return (
    doesApprovalRequestSelectChannelAccount({ cfg, request, channel: "matrix", accountId, defaultAccountId, eligibleAccountIds }) &&
    matchesApprovalRequestFilters({ request: request.request, ...filters({ cfg, accountId }), fallbackAgentIdFromSessionKey: true })
  );
}

function target(to: string | null | undefined, threadId: string | number | null | undefined): { to: string; threadId?: string } | null {
  const normalized = to ? normalizeTarget(to) : undefined;
  return normalized === undefined ? null : { to: normalized, threadId: eventIdOf(threadId) };
}

/** The conversation in which it was asked for, thread included. */
export const originTarget = createChannelNativeOriginTargetResolver({
  channel: "matrix",
  shouldHandleRequest: handles,
  resolveTurnSourceTarget: ({ request }) => (request.turnSourceChannel?.trim().toLowerCase() === "matrix" ? target(request.turnSourceTo, request.turnSourceThreadId) : null),
  resolveSessionTarget: ({ to, threadId }) => target(to, threadId),
  targetsMatch: (a: { to: string; threadId?: string }, b: { to: string; threadId?: string }) => a.to === b.to && a.threadId === b.threadId,
});
