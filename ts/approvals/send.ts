/** Sends, closes and takes away prompts. Every send has the approval's key: the same one again makes no second event. */
import type { OutboundAccount } from "../outbound/send.ts";
import { writeSettings } from "../outbound/settings.ts";
import type { Prompt } from "./prompts.ts";
import { APPROVAL_KEY } from "./text.ts";

/** A prompt before it is sent. */
export interface Pending {
  text: string;
  metadata: Record<string, unknown>;
}

export interface Place {
  roomId: string;
  threadRootId?: string;
}

/** How often a prompt's send is waited for, thirty seconds each: without its event nobody can react to it. */
const WAITS = 4;

/** Names the sends of one prompt for ever. */
function promptKey(approvalId: string, { roomId, threadRootId }: Place): string {
  return `approval:${approvalId}:${roomId}:${threadRootId ?? ""}`;
}

const where = ({ resolved }: OutboundAccount) => writeSettings(resolved.config);

export async function sendPrompt(outbound: OutboundAccount, place: Place, approvalId: string, pending: Pending): Promise<string[]> {
  const { chunkLimit, chunkMode, tables } = where(outbound);
  const request = { ...place, markdown: pending.text, kind: "text" as const, key: promptKey(approvalId, place), chunkLimit, chunkMode, tables, extra: { [APPROVAL_KEY]: pending.metadata } };
  for (let wait = 1; ; wait++) {
    const sent = await outbound.account.sendText(request);
    if (sent.state === "sent" || wait === WAITS) return sent.state === "sent" ? sent.eventIds : [];
  }
}

/** Makes the prompt say how it ended. */
export async function closePrompt(outbound: OutboundAccount, prompt: Prompt, text: string, metadata: Record<string, unknown>): Promise<void> {
  const { account } = outbound;
  const key = `approval:${prompt.approvalId}:${prompt.eventId}`;
  await account.editText({ roomId: prompt.roomId, eventId: prompt.eventId, markdown: text, kind: "text", key: `${key}:closed`, tables: where(outbound).tables, draft: false, extra: { [APPROVAL_KEY]: metadata } });
  for (const eventId of prompt.more) await account.redact({ roomId: prompt.roomId, eventId, key: `${key}:${eventId}` });
}

export async function redactPrompt({ account }: OutboundAccount, prompt: Prompt): Promise<void> {
  for (const eventId of [prompt.eventId, ...prompt.more]) {
    await account.redact({ roomId: prompt.roomId, eventId, reason: "expired", key: `approval:${prompt.approvalId}:${prompt.eventId}:expired:${eventId}` });
  }
}
