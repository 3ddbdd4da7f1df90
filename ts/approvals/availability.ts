/** Which approvals the host's handler of prompts takes on for an account. */
import type { ApprovalCapability } from "../host/approvals.ts";
import { asks } from "./approvers.ts";
import { routes } from "./slot.ts";

type NativeRuntime = NonNullable<ApprovalCapability["nativeRuntime"]>;

export const eventKinds = ["exec", "plugin", "system-agent"] as const;

export const availability: NativeRuntime["availability"] = {
  isConfigured: ({ cfg, accountId }) => asks({ cfg, accountId }) || asks({ cfg, accountId }, "plugin"),
  shouldHandle: ({ cfg, accountId, request, approvalKind }) => routes()?.handles({ cfg, accountId, request, approvalKind }) ?? false,
};
