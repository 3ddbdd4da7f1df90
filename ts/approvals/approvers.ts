/**
 * Who may approve (APR-2). Named people only: `*` opens conversations, never
 * approvals. Without `execApprovals.approvers` it is whoever `dm.allowFrom` names;
 * what plugins ask is for those alone.
 */
import { type MatrixAccountConfig, resolveMatrixAccount } from "../config/accounts.ts";
import { normalizeUserEntry } from "../config/user-entry.ts";
import type { ChannelApprovalKind } from "../host/approvals.ts";
import type { OpenClawConfig } from "../host/types.ts";

export interface OfAccount {
  cfg: OpenClawConfig;
  accountId?: string | null;
}

function named(entries: readonly (string | number)[] | undefined): string[] {
  const users = (entries ?? []).map((entry) => normalizeUserEntry(String(entry)));
  return [...new Set(users.filter((user): user is string => user !== undefined && user !== "*"))];
}

/** User ids, each once. */
export function approvers(config: MatrixAccountConfig, kind: ChannelApprovalKind): string[] {
  const listed = named(config.execApprovals?.approvers);
  return kind === "plugin" || listed.length === 0 ? named(config.dm?.allowFrom) : listed;
}

const configOf = ({ cfg, accountId }: OfAccount): MatrixAccountConfig => resolveMatrixAccount(cfg, accountId).config;

/** Whether prompts go out through the account: `execApprovals.enabled`, by itself once there is somebody to ask (APR-1). */
export function asks(of: OfAccount, kind: ChannelApprovalKind = "exec"): boolean {
  const config = configOf(of);
  return (config.execApprovals?.enabled ?? "auto") !== false && approvers(config, kind).length > 0;
}

export type PromptPlace = "dm" | "channel" | "both";

/** Where prompts go (APR-3). */
export function promptPlace(of: OfAccount): PromptPlace {
  return configOf(of).execApprovals?.target ?? "dm";
}

/** Agents and sessions whose approvals are asked here (APR-4). */
export function filters(of: OfAccount): { agentFilter?: string[]; sessionFilter?: string[] } {
  const { agentFilter, sessionFilter } = configOf(of).execApprovals ?? {};
  return { agentFilter, sessionFilter };
}

export function approversOf(of: OfAccount, kind: ChannelApprovalKind): string[] {
  return approvers(configOf(of), kind);
}

/** Somebody the host's configuration sends exec approvals to answers them as well (APR-11). */
function isForwardedTo({ cfg, accountId }: OfAccount, userId: string): boolean {
  const forwarding = cfg.approvals?.exec;
  if (!forwarding?.enabled || (forwarding.mode !== "targets" && forwarding.mode !== "both")) return false;
  return (forwarding.targets ?? []).some(
    (target) => target.channel.trim().toLowerCase() === "matrix" && (!target.accountId || !accountId || target.accountId === accountId) && normalizeUserEntry(target.to) === userId,
  );
}

export function mayApprove(of: OfAccount, kind: ChannelApprovalKind, senderId: string | null | undefined): boolean {
  if (!senderId) return false;
  const user = normalizeUserEntry(senderId);
  if (user === undefined || user === "*") return false;
  return approversOf(of, kind).includes(user) || (kind === "exec" && isForwardedTo(of, user));
}
