/** What an approval's message says: for people, and for clients that know OpenClaw (APR-8). */
import type { ApprovalDecision, PendingApprovalView, ResolvedApprovalView } from "../host/approvals.ts";
import { byDecision } from "./decisions.ts";

/** Key of the content for clients that know OpenClaw. */
export const APPROVAL_KEY = "com.openclaw.approval";

/** Characters of a command in the metadata; the message has all of it. */
const COMMAND_LIMIT = 6000;

/** The decisions that this approval admits, in the host's order. */
export function decisionsOf(view: Pick<PendingApprovalView, "actions">): ApprovalDecision[] {
  return [...new Set(view.actions.map(({ decision }) => decision))];
}

/** A fence that the text does not end. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}

/** One line, for what others may have put line breaks into. */
const line = (text: string): string => text.replace(/\s+/g, " ").trim();

/** What it is about: the command, or the words of who asks. */
function subject(view: PendingApprovalView | ResolvedApprovalView): string[] {
  if (view.approvalKind === "exec") {
    return [...(view.warningText ? [`⚠️ ${line(view.warningText)}`] : []), fenced(view.commandText)];
  }
  const words = view.description?.trim();
  return words ? [words] : [];
}

function minutes(ms: number): string {
  const left = Math.max(1, Math.round(ms / 60_000));
  return left === 1 ? "a minute" : `${left} minutes`;
}

export function pendingText(view: PendingApprovalView, nowMs: number): string {
  const decisions = decisionsOf(view);
  const react = decisions.map((decision) => `${byDecision(decision).emoji} ${byDecision(decision).label}`).join(" · ");
  const details = view.metadata.map(({ label, value }) => `${label}: ${line(value)}`).join(" · ");
  return [
    `**${line(view.title)}**`,
    ...subject(view),
    ...(details ? [details] : []),
    `React with ${react}, or write \`/approve ${view.approvalId} ${decisions.join("|")}\`. Open for ${minutes(view.expiresAtMs - nowMs)}.`,
  ].join("\n\n");
}

function decided(decision: ApprovalDecision): string {
  return decision === "deny" ? "❌ Denied" : `✅ ${decision === "allow-once" ? "Allowed once" : "Allowed always"}`;
}

/** For a prompt that we saw answered and that the host did not close. */
export function decidedText(decision: ApprovalDecision, senderId: string): string {
  return `${decided(decision)}, ${line(senderId)}`;
}

/** What became of it, for whoever reads the message later. */
function outcome(view: ResolvedApprovalView): string {
  if (view.approvalKind !== "system-agent") return decided(view.decision);
  if (view.terminalStatus === "cancelled") return "⚠️ Cancelled, because its run ended; nothing was changed";
  if (view.terminalStatus === "expired") return "⏱️ Expired; nothing was changed";
  if (view.decision === "deny") return "❌ Denied; nothing was changed";
  if (view.applicationStatus === "applied") return "✅ Approved and applied";
  if (view.applicationStatus === "not-applied") return "⚠️ Approved, but whether it was applied is not confirmed: look at the settings before trying again";
  return "✅ Approved";
}

export function resolvedText(view: ResolvedApprovalView): string {
  const by = view.resolvedBy ? `, ${line(view.resolvedBy)}` : "";
  return [`**${line(view.title)}**: ${outcome(view)}${by}`, ...subject(view)].join("\n\n");
}

/** For a prompt whose end nobody told us of. */
export const CLOSED_TEXT = "⏱️ This request is no longer open: it was answered elsewhere, its run ended, or the gateway was restarted.";

export interface ApprovalMetadata {
  version: 1;
  type: "approval.request";
  id: string;
  kind: PendingApprovalView["approvalKind"];
  state: "pending" | "resolved" | "closed";
  [key: string]: unknown;
}

/** Without what is empty. */
function present(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
}

function describe(view: PendingApprovalView | ResolvedApprovalView): Record<string, unknown> {
  const common = { title: view.title, description: view.description, metadata: view.metadata, agentId: view.agentId };
  if (view.approvalKind === "plugin") return present({ ...common, pluginId: view.pluginId, toolName: view.toolName, severity: view.severity });
  const command = view.commandText.length > COMMAND_LIMIT ? `${view.commandText.slice(0, COMMAND_LIMIT)}…` : view.commandText;
  return present({ ...common, commandText: command, commandPreview: view.commandPreview, ask: view.ask, cwd: view.cwd, envKeys: view.envKeys, host: view.host, nodeId: view.nodeId, sessionKey: view.sessionKey });
}

export function pendingMetadata(view: PendingApprovalView): ApprovalMetadata {
  return {
    version: 1,
    type: "approval.request",
    id: view.approvalId,
    kind: view.approvalKind,
    state: "pending",
    phase: "pending",
    expiresAtMs: view.expiresAtMs,
    allowedDecisions: decisionsOf(view),
    actions: view.actions.map(({ kind, decision, label, style, command }) => present({ kind, decision, label, style, command })),
    ...describe(view),
  };
}

export function resolvedMetadata(view: ResolvedApprovalView): ApprovalMetadata {
  return {
    version: 1,
    type: "approval.request",
    id: view.approvalId,
    kind: view.approvalKind,
    state: "resolved",
    phase: "resolved",
    decision: view.decision,
    ...present({ resolvedBy: view.resolvedBy }),
    ...describe(view),
  };
}
