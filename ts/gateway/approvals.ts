/** An account's approvals from its start to its end: the prompts it has out, and what takes reactions to them. */
import { join } from "node:path";
import { loadRoutes, shared } from "../approvals/slot.ts";
import { PromptBook } from "../approvals/prompts.ts";
import { answerByReaction, type Decide, decideOverGateway } from "../approvals/reaction.ts";
import { redactPrompt } from "../approvals/send.ts";
import { CHANNEL_APPROVAL_NATIVE_RUNTIME_CONTEXT_CAPABILITY } from "../host/approvals.ts";
import type { ChannelLogSink, OpenClawConfig } from "../host/types.ts";
import type { InboundReaction } from "../native/account.ts";
import type { OutboundAccount } from "../outbound/send.ts";
import type { StartContext } from "./start.ts";

/** How often prompts are looked for whose time is over and that nobody took away, in milliseconds. */
const SWEEP_MS = 60_000;
/** The host takes its own prompts away at their end; what is left this long after it is nobody's. */
const GRACE_MS = 30_000;

export interface ApprovalsInput {
  accountId: string;
  stateRoot: string;
  cfg: () => OpenClawConfig;
  outbound: () => OutboundAccount;
  log: ChannelLogSink;
  channelRuntime: StartContext["channelRuntime"];
  decide?: Decide;
}

export interface RunningApprovals {
  /** Whether the reaction was to a prompt. */
  answer: (event: InboundReaction) => Promise<boolean>;
  close: () => void;
}

export async function runApprovals(input: ApprovalsInput): Promise<RunningApprovals> {
  const { accountId, log } = input;
  const report = (what: string, error: unknown) => log.warn(`[${accountId}] approvals: ${what}: ${error instanceof Error ? error.message : String(error)}`);
  const book = await PromptBook.open(join(input.stateRoot, "matrix-rs", "approvals", `${accountId}.json`), (error) => report("the prompts of before a restart are not remembered", error));
  await loadRoutes();
  const approvals = { book, report };
  shared().accounts.set(accountId, approvals);
  const sweep = async () => {
    for (const prompt of book.expired(Date.now() - GRACE_MS)) {
      await redactPrompt(input.outbound(), prompt).then(() => book.remove(prompt), (error: unknown) => report(`the prompt of ${prompt.approvalId} was not taken away`, error));
    }
  };
  void sweep();
  const timer = setInterval(() => void sweep(), SWEEP_MS);
  timer.unref();
  // The host starts its handler of prompts when it hears of this, and ends it with the disposal.
  const context = input.channelRuntime?.runtimeContexts.register({ channelId: "matrix", accountId, capability: CHANNEL_APPROVAL_NATIVE_RUNTIME_CONTEXT_CAPABILITY, context: { accountId } });
  return {
    answer: (event) => answerByReaction(event, { accountId, cfg: input.cfg, outbound: input.outbound, book, decide: input.decide ?? decideOverGateway, log: (line) => log.info(line) }),
    close: () => {
      clearInterval(timer);
      context?.dispose();
      if (shared().accounts.get(accountId) === approvals) shared().accounts.delete(accountId);
    },
  };
}
