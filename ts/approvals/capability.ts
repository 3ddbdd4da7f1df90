/** What the host is told of approvals over Matrix: who may answer them, where they are asked, and how to set it up. */
import { listMatrixAccountIds, resolveDefaultMatrixAccountId } from "../config/accounts.ts";
import { type ApprovalCapability, createLazyChannelApprovalNativeRuntimeAdapter } from "../host/approvals.ts";
import type { FindAccount } from "../outbound/adapter.ts";
import { normalizeTarget } from "../outbound/target.ts";
import { approversOf, asks, mayApprove, type OfAccount, promptPlace } from "./approvers.ts";
import { availability, eventKinds } from "./availability.ts";
import { loadRoutes, routes, shared } from "./slot.ts";

const state = (enabled: boolean) => (enabled ? ({ kind: "enabled" } as const) : ({ kind: "disabled" } as const));

const SURFACES = { dm: "approver-dm", channel: "origin", both: "both" } as const;

/** The section whose keys an account's approvals are configured by. */
function section(accountId: string | undefined): string {
  return accountId && accountId !== "default" ? `channels.matrix.accounts.${accountId}` : "channels.matrix";
}

function setup({ accountId }: { accountId?: string }): string {
  const at = section(accountId);
  return `Approvals over Matrix: set ${at}.execApprovals.approvers (or ${at}.dm.allowFrom) to the user ids that may approve, like ["@owner:example.org"]; ${at}.execApprovals.enabled must not be false, and ${at}.execApprovals.target says where they are asked ("dm", "channel" or "both").`;
}

export function createApprovalCapability(find: FindAccount): ApprovalCapability {
  shared().find = find;
  const native: NonNullable<ApprovalCapability["native"]> = {
    describeDeliveryCapabilities: ({ cfg, accountId, approvalKind }) => ({
      enabled: asks({ cfg, accountId }, approvalKind),
      preferredSurface: SURFACES[promptPlace({ cfg, accountId })],
      supportsOriginSurface: true,
      supportsApproverDmSurface: true,
      notifyOriginWhenDmOnly: false,
    }),
    resolveOriginTarget: async (asked) => (await loadRoutes()).originTarget(asked),
    resolveApproverDmTargets: ({ cfg, accountId, approvalKind }) => approversOf({ cfg, accountId }, approvalKind).map((user) => ({ to: `user:${user}` })),
  };
  return {
    authorizeActorAction: ({ cfg, accountId, senderId, approvalKind }) =>
      mayApprove({ cfg, accountId }, approvalKind, senderId)
        ? { authorized: true }
        : { authorized: false, reason: `❌ You may not approve ${approvalKind} requests here; the approvers are listed in ${section(accountId ?? undefined)}.${approvalKind === "plugin" ? "dm.allowFrom" : "execApprovals.approvers"}.` },
    // Whoever is an approver may write /approve, whether prompts are sent or not.
    getActionAvailabilityState: ({ cfg, accountId, approvalKind }) => state(approversOf({ cfg, accountId }, approvalKind ?? "exec").length > 0),
    getExecInitiatingSurfaceState: ({ cfg, accountId }) => state(asks({ cfg, accountId })),
    describeExecApprovalSetup: setup,
    describePluginApprovalSetup: setup,
    delivery: {
      hasConfiguredDmRoute: ({ cfg }) => listMatrixAccountIds(cfg).some((accountId) => asks({ cfg, accountId }) && promptPlace({ cfg, accountId }) !== "channel"),
      shouldSuppressForwardingFallback: ({ cfg, approvalKind, target, request }) => {
        if (target.channel !== "matrix") return false;
        const accountId = target.accountId?.trim() || request.request.turnSourceAccountId?.trim() || resolveDefaultMatrixAccountId(cfg);
        const of: OfAccount = { cfg, accountId };
        if (!routes()?.handles({ ...of, approvalKind, request })) return false;
        // The prompt takes the place of the plain message, but not of one to somebody it does not reach.
        if (target.source !== "target" || promptPlace(of) === "channel") return target.source !== "target";
        return approversOf(of, approvalKind).some((user) => `user:${user}` === normalizeTarget(target.to));
      },
    },
    native,
    nativeRuntime: createLazyChannelApprovalNativeRuntimeAdapter({
      eventKinds,
      ...availability,
      load: async () => (await import("./native.ts")).createNativeRuntime(),
    }),
  };
}

/** A turn's own prompt gives way to the native one. */
export function suppressesLocalPrompt({ cfg, accountId, active }: OfAccount & { active: boolean }): boolean {
  return active && asks({ cfg, accountId });
}
