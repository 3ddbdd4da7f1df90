/** The reactions that answer an approval (APR-5). */
import type { ApprovalDecision } from "../host/approvals.ts";

interface Spelling {
  decision: ApprovalDecision;
  /** What we put under the prompt. */
  emoji: string;
  label: string;
  /** What a client that knows OpenClaw may send instead. */
  key: string;
}

const SPELLINGS: readonly Spelling[] = [
  { decision: "allow-once", emoji: "✅", label: "allow once", key: "approval.allow_once" },
  { decision: "allow-always", emoji: "♾️", label: "allow always", key: "approval.allow_always" },
  { decision: "deny", emoji: "❌", label: "deny", key: "approval.deny" },
];

export function byDecision(decision: ApprovalDecision): Spelling {
  return SPELLINGS.find((spelling) => spelling.decision === decision) as Spelling;
}

/** Clients write the same emoji with and without a variation selector. */
const bare = (emoji: string): string => emoji.trim().replaceAll("\u{FE0F}", "");

/** The decision a reaction stands for, if the approval admits it. */
export function decisionOf(key: string, allowed: readonly ApprovalDecision[]): ApprovalDecision | undefined {
  const meant = SPELLINGS.find(({ emoji, key: native }) => bare(emoji) === bare(key) || native === key.trim());
  return meant && allowed.includes(meant.decision) ? meant.decision : undefined;
}

export function isDecision(value: unknown): value is ApprovalDecision {
  return SPELLINGS.some(({ decision }) => decision === value);
}
