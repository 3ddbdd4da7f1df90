/** The host's access decision for one message, and its translation into our reasons. */
import type { OpenClawConfig, PluginRuntime, ResolvedChannelMessageIngress } from "../host/types.ts";
import { defineStableChannelIngressIdentity } from "../host/ingress.ts";
import type { Drop } from "./drop.ts";
import type { ImplicitMention } from "./implicit.ts";
import { type DmPolicy, normalizeUserEntry, type RoomSenders } from "./policy.ts";

/**
 * A sender is the user id the homeserver vouches for: servers sign their events
 * and a server can only speak for its own users.
 */
export const matrixIdentity = defineStableChannelIngressIdentity({
  key: "matrix-user-id",
  normalize: (value) => normalizeUserEntry(value) ?? null,
  isWildcardEntry: (value) => normalizeUserEntry(value) === "*",
  sensitivity: "pii",
  authentication: "verified",
});

export interface AccessQuestion {
  runtime: PluginRuntime;
  cfg: OpenClawConfig;
  accountId: string;
  sender: string;
  conversation: { kind: "direct" | "channel"; id: string; threadId?: string };
  /** The host context this decision is for. */
  binding: { agentId: string; sessionKey: string; messageId: string; inboundEventKind: "user_request" | "room_event" };
  dm: { policy: DmPolicy; allowFrom: string[] };
  room?: { senders: RoomSenders; requireMention: boolean; mentioned: boolean; anyMention: boolean; implicit: readonly ImplicitMention[] };
  isCommand: boolean;
}

/** Asks the host; pairing approvals are read by the host from its own store, for DMs only (ACL-16). */
export async function resolveAccess(question: AccessQuestion): Promise<ResolvedChannelMessageIngress> {
  const { runtime, cfg, room } = question;
  return runtime.channel.inbound.ingress.resolve({
    channelId: "matrix",
    accountId: question.accountId,
    identity: matrixIdentity,
    subject: { stableId: question.sender },
    conversation: question.conversation,
    contextBinding: {
      ...question.binding,
      nativeChannelId: question.conversation.id,
    },
    event: { kind: "message", authMode: "inbound", mayPair: !room },
    policy: {
      dmPolicy: question.dm.policy,
      groupPolicy: room ? room.senders.policy : "disabled",
      groupAllowFromFallbackToAllowFrom: false,
      ...(room ? { activation: { requireMention: room.requireMention, allowTextCommands: true } } : {}),
    },
    allowFrom: question.dm.allowFrom,
    ...(room ? { groupAllowFrom: room.senders.allowFrom } : {}),
    useDefaultPairingStore: !room,
    accessGroups: cfg.accessGroups,
    ...(room
      ? { mentionFacts: { canDetectMention: true, wasMentioned: room.mentioned, hasAnyMention: room.anyMention, implicitMentionKinds: room.implicit } }
      : {}),
    command: {
      allowTextCommands: true,
      hasControlCommand: question.isCommand,
      groupOwnerAllowFrom: "none",
      commandGroupAllowFromFallbackToAllowFrom: false,
    },
  });
}

export type Verdict = { kind: "answer" } | { kind: "pair" } | { kind: "drop"; drop: Drop };

/**
 * The host's result in our words.
 *
 * @param path where the account's keys stand, for the hints
 */
export function judge(result: ResolvedChannelMessageIngress, input: { direct: boolean; path: string; dmPolicy: DmPolicy; matchedRoom?: string }): Verdict {
  const { ingress, commandAccess, activationAccess } = result;
  if (ingress.admission === "pairing-required") return { kind: "pair" };
  if (commandAccess.shouldBlockControlCommand) {
    return drop("command_not_allowed", commandAccess.reasonCode, `commands are for senders in ${input.path}.${input.direct ? "dm.allowFrom" : "groupAllowFrom"}`);
  }
  if (ingress.decision !== "allow") {
    const code = ingress.reasonCode;
    if (code === "activation_skipped") return noMention(input);
    if (input.direct) {
      return input.dmPolicy === "disabled"
        ? drop("dm_disabled", code, `set ${input.path}.dm.enabled and ${input.path}.dm.policy to answer direct messages`)
        : drop("dm_not_allowed", code, `add the sender to ${input.path}.dm.allowFrom${input.dmPolicy === "open" ? ' ("*" admits everybody)' : ""}`);
    }
    return drop("room_sender_not_allowed", code, `add the sender to ${input.path}.groupAllowFrom or to the room's users`);
  }
  if (activationAccess.shouldSkip || ingress.admission === "skip") return noMention(input);
  if (ingress.admission !== "dispatch") return drop("access_denied", ingress.reasonCode);
  return { kind: "answer" };
}

function drop(reason: Drop["reason"], detail?: string, hint?: string): Verdict {
  return { kind: "drop", drop: { reason, detail, hint } };
}

function noMention(input: { path: string; matchedRoom?: string }): Verdict {
  const key = JSON.stringify(input.matchedRoom ?? "*");
  return drop("no_mention", undefined, `mention the bot, or set ${input.path}.groups[${key}].requireMention to false`);
}
