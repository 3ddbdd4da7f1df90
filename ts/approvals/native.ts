/**
 * The prompts as the host drives them: sent where it plans them, edited when they are
 * answered, redacted when their time is over (APR-7). It asks for open ones again at
 * every start of an account, which then meets its own prompts and asks nobody twice.
 */
import { createChannelApprovalNativeRuntimeAdapter } from "../host/approval-prompts.ts";
import type { ApprovalCapability, ResolvedApprovalView } from "../host/approvals.ts";
import { resolveRoom } from "../outbound/send.ts";
import { eventIdOf } from "../outbound/target.ts";
import { availability, eventKinds } from "./availability.ts";
import { byDecision } from "./decisions.ts";
import type { Prompt } from "./prompts.ts";
import { closePrompt, type Pending, type Place, redactPrompt, sendPrompt } from "./send.ts";
import { approvalsOf, shared } from "./slot.ts";
import { decisionsOf, pendingMetadata, pendingText, resolvedMetadata, resolvedText } from "./text.ts";

type NativeRuntime = NonNullable<ApprovalCapability["nativeRuntime"]>;

/** Typed here, taken by the host without its types. */
export function createNativeRuntime(): NativeRuntime {
  const { find } = shared();
  const forget = async (accountId: string | null | undefined, prompt: Prompt): Promise<void> => approvalsOf(accountId)?.book.remove(prompt);
  const runtime = createChannelApprovalNativeRuntimeAdapter<Pending, Place, Prompt, Prompt, { view: ResolvedApprovalView }>({
    eventKinds,
    availability,
    presentation: {
      buildPendingPayload: ({ view, nowMs }) => ({ text: pendingText(view, nowMs), metadata: pendingMetadata(view) }),
      buildResolvedResult: ({ view }) => ({ kind: "update", payload: { view } }),
      buildExpiredResult: () => ({ kind: "delete" }),
    },
    transport: {
      prepareTarget: async ({ plannedTarget: { target }, cfg, accountId }) => {
        const roomId = await resolveRoom(find(cfg, accountId).account, target.to);
        const threadRootId = eventIdOf(target.threadId);
        return { dedupeKey: JSON.stringify([roomId, threadRootId ?? null]), target: { roomId, ...(threadRootId === undefined ? {} : { threadRootId }) } };
      },
      deliverPending: async ({ preparedTarget, pendingPayload, view, approvalKind, cfg, accountId }) => {
        const [eventId, ...more] = await sendPrompt(find(cfg, accountId), preparedTarget, view.approvalId, pendingPayload);
        if (eventId === undefined) return null;
        return { roomId: preparedTarget.roomId, eventId, more, approvalId: view.approvalId, kind: approvalKind, decisions: decisionsOf(view), expiresAtMs: view.expiresAtMs };
      },
      updateEntry: async ({ entry, payload: { view }, accountId, cfg }) => {
        await forget(accountId, entry);
        await closePrompt(find(cfg, accountId), entry, resolvedText(view), resolvedMetadata(view));
      },
      deleteEntry: async ({ entry, accountId, cfg }) => {
        await forget(accountId, entry);
        await redactPrompt(find(cfg, accountId), entry);
      },
    },
    interactions: {
      // Bound for as long as the approval is open, not for as long as the handler runs: an account's restart ends the handler.
      bindPending: async ({ entry, accountId, cfg }) => {
        await approvalsOf(accountId)?.book.add(entry);
        const { account } = find(cfg, accountId);
        for (const decision of entry.decisions) {
          const { emoji } = byDecision(decision);
          // They are a convenience: a client can react without them.
          await account.react({ roomId: entry.roomId, eventId: entry.eventId, emoji, key: `approval:${entry.approvalId}:${entry.eventId}:${decision}` }).catch((error: unknown) => approvalsOf(accountId)?.report("a reaction under a prompt was not sent", error));
        }
        return entry;
      },
    },
    observe: {
      onDeliveryError: ({ error, plannedTarget, accountId }) => approvalsOf(accountId)?.report(`no prompt to ${plannedTarget.target.to}`, error),
    },
  });
  return runtime as unknown as NativeRuntime;
}
