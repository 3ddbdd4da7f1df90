import { beforeAll, describe, expect, it } from "vitest";
import { createApprovalCapability, suppressesLocalPrompt } from "../../../ts/approvals/capability.ts";
import { loadRoutes } from "../../../ts/approvals/slot.ts";
import type { ApprovalRequest, ChannelApprovalKind } from "../../../ts/host/approvals.ts";
import type { OpenClawConfig } from "../../../ts/host/types.ts";
import { ALICE, CAROL, LOGIN } from "../support/running.ts";

const DAVE = "@dave:example.org";
const capability = createApprovalCapability(() => {
  throw new Error("nothing is sent here");
});

function config(matrix: Record<string, unknown>, approvals?: unknown): OpenClawConfig {
  return { channels: { matrix: { ...LOGIN, ...matrix } }, ...(approvals ? { approvals } : {}) } as OpenClawConfig;
}

function may(cfg: OpenClawConfig, senderId: string, approvalKind: ChannelApprovalKind = "exec"): boolean | undefined {
  return capability.authorizeActorAction?.({ cfg, accountId: "default", senderId, action: "approve", approvalKind }).authorized;
}

function exec(request: Record<string, unknown> = {}): ApprovalRequest {
  return { id: "a1", createdAtMs: 0, expiresAtMs: Date.now() + 60_000, request: { command: "ls", agentId: "main", turnSourceChannel: "matrix", turnSourceTo: "room:!room:example.org", turnSourceAccountId: "default", ...request } } as ApprovalRequest;
}

function handles(cfg: OpenClawConfig, request: ApprovalRequest = exec(), approvalKind: ChannelApprovalKind = "exec"): boolean | undefined {
  return capability.nativeRuntime?.availability.shouldHandle({ cfg, accountId: "default", request, approvalKind });
}

beforeAll(async () => void (await loadRoutes()), 120_000);

describe("who may approve", () => {
  it("[APR-2] the listed approvers, else those whom dm.allowFrom names; what plugins ask is for the latter alone", () => {
    const listed = config({ execApprovals: { approvers: [`matrix:${ALICE}`, "nobody", "*"] }, dm: { allowFrom: [CAROL] } });
    expect([may(listed, ALICE), may(listed, CAROL), may(listed, DAVE)]).toEqual([true, false, false]);
    expect([may(listed, ALICE, "plugin"), may(listed, CAROL, "plugin")]).toEqual([false, true]);
    expect([may(listed, ALICE, "system-agent"), may(listed, CAROL, "system-agent")]).toEqual([true, false]);
    const fallback = config({ dm: { allowFrom: [CAROL] } });
    expect([may(fallback, CAROL), may(fallback, CAROL.toUpperCase())]).toEqual([true, false]);
  });

  it("[APR-2] an open conversation makes no approvers", () => {
    const open = config({ dm: { policy: "open", allowFrom: ["*"] } });
    expect(may(open, ALICE)).toBe(false);
    expect(may(open, "*")).toBe(false);
    const said = capability.authorizeActorAction?.({ cfg: open, accountId: "ops", senderId: ALICE, action: "approve", approvalKind: "exec" });
    expect(said?.reason).toContain("channels.matrix.accounts.ops.execApprovals.approvers");
    expect(capability.describeExecApprovalSetup?.({ channel: "matrix", channelLabel: "Matrix" })).toContain("channels.matrix.execApprovals.approvers");
  });

  it("[APR-11] those the host forwards exec approvals to answer them, and nothing else", () => {
    const cfg = config({ execApprovals: { approvers: [ALICE] } }, { exec: { enabled: true, mode: "targets", targets: [{ channel: "matrix", to: `user:${DAVE}` }] } });
    expect([may(cfg, DAVE), may(cfg, DAVE, "plugin"), may(cfg, "@Dave:example.org")]).toEqual([true, false, false]);
  });
});

describe("which approvals are asked", () => {
  it("[APR-1] by themselves once there is an approver, never when switched off", () => {
    const state = (cfg: OpenClawConfig) => capability.getExecInitiatingSurfaceState?.({ cfg, accountId: "default", action: "approve" })?.kind;
    expect(state(config({}))).toBe("disabled");
    expect(state(config({ dm: { allowFrom: [ALICE] } }))).toBe("enabled");
    expect(state(config({ dm: { allowFrom: [ALICE] }, execApprovals: { enabled: false } }))).toBe("disabled");
    // Written by hand they are taken all the same.
    expect(capability.getActionAvailabilityState?.({ cfg: config({ dm: { allowFrom: [ALICE] }, execApprovals: { enabled: false } }), accountId: "default", action: "approve" })?.kind).toBe("enabled");
    expect(suppressesLocalPrompt({ cfg: config({ dm: { allowFrom: [ALICE] } }), accountId: "default", active: true })).toBe(true);
    expect(suppressesLocalPrompt({ cfg: config({ dm: { allowFrom: [ALICE] } }), accountId: "default", active: false })).toBe(false);
  });

  it("[APR-4] of the agents and sessions that the filters name", () => {
    const filtered = (filter: Record<string, unknown>) => config({ execApprovals: { approvers: [ALICE], ...filter } });
    expect(handles(filtered({}))).toBe(true);
    expect(handles(filtered({ agentFilter: ["main"] }))).toBe(true);
    expect(handles(filtered({ agentFilter: ["other"] }))).toBe(false);
    expect(handles(filtered({ sessionFilter: ["agent:other"] }))).toBe(false);
  });

  it("[APR-1] asked by the account that the request came in by", () => {
    const cfg = config({ execApprovals: { approvers: [ALICE] } });
    expect(handles(cfg, exec({ turnSourceAccountId: "ops" }))).toBe(false);
    expect(handles(cfg, exec({ turnSourceChannel: "telegram", turnSourceAccountId: "default" }))).toBe(false);
  });

  it("[APR-3] in direct messages, in the conversation, or in both", async () => {
    const surface = (target?: string) =>
      capability.native?.describeDeliveryCapabilities({ cfg: config({ execApprovals: { approvers: [ALICE], target } }), accountId: "default", approvalKind: "exec", request: exec() }).preferredSurface;
    expect([surface(), surface("channel"), surface("both")]).toEqual(["approver-dm", "origin", "both"]);
    const cfg = config({ execApprovals: { approvers: [ALICE] }, dm: { allowFrom: [CAROL] } });
    const asked = { cfg, accountId: "default", approvalKind: "exec" as const, request: exec({ turnSourceThreadId: "$Root" }) };
    expect(await capability.native?.resolveOriginTarget?.(asked)).toMatchObject({ to: "room:!room:example.org", threadId: "$Root" });
    expect(await capability.native?.resolveApproverDmTargets?.(asked)).toEqual([{ to: `user:${ALICE}` }]);
    expect(await capability.native?.resolveApproverDmTargets?.({ ...asked, approvalKind: "plugin" })).toEqual([{ to: `user:${CAROL}` }]);
  });

  it("[APR-11] a prompt takes the place of the host's plain message, but not of one to somebody it does not reach", () => {
    const cfg = config({ execApprovals: { approvers: [ALICE] } }, { exec: { enabled: true, mode: "both", targets: [] } });
    const suppressed = (target: Record<string, unknown>, request = exec()) =>
      capability.delivery?.shouldSuppressForwardingFallback?.({ cfg, approvalKind: "exec", request, target: { channel: "matrix", to: "", accountId: "default", ...target } });
    expect(suppressed({ to: "room:!room:example.org", source: "session" })).toBe(true);
    expect(suppressed({ to: `user:${ALICE}`, source: "target" })).toBe(true);
    expect(suppressed({ to: `user:${DAVE}`, source: "target" })).toBe(false);
    expect(suppressed({ channel: "telegram", to: "1", source: "target" })).toBe(false);
    expect(suppressed({ to: "room:!room:example.org", source: "session" }, exec({ turnSourceAccountId: "ops" }))).toBe(false);
  });
});
