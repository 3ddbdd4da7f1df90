/** Reactions to prompts: the answer of somebody who may give it, and nothing else (APR-5). */
import { isApprovalNotFoundError, resolveApprovalOverGateway } from "../host/approval-gateway.ts";
import type { ApprovalDecision } from "../host/approvals.ts";
import type { OpenClawConfig } from "../host/types.ts";
import type { InboundReaction } from "../native/account.ts";
import type { OutboundAccount } from "../outbound/send.ts";
import { mayApprove } from "./approvers.ts";
import { decisionOf } from "./decisions.ts";
import type { Prompt, PromptBook } from "./prompts.ts";
import { closePrompt } from "./send.ts";
import { CLOSED_TEXT, decidedText } from "./text.ts";

/** Gives the gateway a decision; false if the approval is not open any more. */
export type Decide = (answer: { cfg: OpenClawConfig; accountId: string; prompt: Prompt; decision: ApprovalDecision; senderId: string }) => Promise<boolean>;

export const decideOverGateway: Decide = async ({ cfg, accountId, prompt, decision, senderId }) => {
  try {
    const { applied } = await resolveApprovalOverGateway({ cfg, approvalId: prompt.approvalId, approvalKind: prompt.kind, decision, channel: "matrix", accountId, senderId });
    return applied;
  } catch (error) {
    if (isApprovalNotFoundError(error)) return false;
    throw error;
  }
};

export interface ReactionPorts {
  accountId: string;
  cfg: () => OpenClawConfig;
  outbound: () => OutboundAccount;
  book: PromptBook;
  decide: Decide;
  log: (line: string) => void;
}

/** How long the host may take to close a prompt that was answered, in milliseconds: it edits one at once, unless it has not met the prompts of before the account's start again. */
const PATIENCE_MS = 5000;

function closeUnlessClosed(prompt: Prompt, decision: ApprovalDecision, senderId: string, { accountId, book, outbound, log }: ReactionPorts): void {
  const close = async () => {
    if (!book.get(prompt.roomId, prompt.eventId)) return;
    await book.remove(prompt);
    await closePrompt(outbound(), prompt, decidedText(decision, senderId), { version: 1, type: "approval.request", id: prompt.approvalId, kind: prompt.kind, state: "resolved", phase: "resolved", decision, resolvedBy: senderId });
  };
  setTimeout(() => void close().catch((error: unknown) => log(`[${accountId}] the answered prompt of ${prompt.approvalId} still stands: ${String(error)}`)), PATIENCE_MS).unref();
}

/**
 * @returns whether the reaction was to a prompt: then nobody else is to hear of it
 * @throws what the gateway threw; the reaction is then to be tried again
 */
export async function answerByReaction(event: Pick<InboundReaction, "roomId" | "targetId" | "sender" | "key" | "encrypted" | "senderTrust">, ports: ReactionPorts): Promise<boolean> {
  const { accountId, book } = ports;
  const prompt = book.get(event.roomId, event.targetId);
  if (!prompt) return false;
  const outbound = ports.outbound();
  if (event.sender === outbound.account.identity.userId) return true;
  const decision = decisionOf(event.key, prompt.decisions);
  if (!decision) return true;
  const cfg = ports.cfg();
  if (!mayApprove({ cfg, accountId }, prompt.kind, event.sender)) {
    ports.log(`[${accountId}] a reaction of ${event.sender} to the approval ${prompt.approvalId} does not count: they are no approver`);
    return true;
  }
  // Clients send reactions in the clear: whoever runs the homeserver could make one up.
  if (outbound.resolved.config.trust?.approvals === "verified" && !(event.encrypted && event.senderTrust === "verified")) {
    ports.log(`[${accountId}] a reaction of ${event.sender} to the approval ${prompt.approvalId} does not count: trust.approvals is "verified", and a reaction proves no device; write /approve in an encrypted room`);
    return true;
  }
  if (await ports.decide({ cfg, accountId, prompt, decision, senderId: event.sender })) {
    closeUnlessClosed(prompt, decision, event.sender, ports);
    return true;
  }
  // Answered elsewhere, and then the host has the prompt edited; or nobody waits for it any more.
  if (book.get(event.roomId, event.targetId)) {
    await book.remove(prompt);
    await closePrompt(outbound, prompt, CLOSED_TEXT, { version: 1, type: "approval.request", id: prompt.approvalId, kind: prompt.kind, state: "closed" });
  }
  return true;
}
