/** Which invites are accepted (INV-1, INV-2, INV-4). */
import type { MatrixAccountConfig } from "../config/accounts.ts";
import { normalizeRoomKey } from "../config/rooms.ts";
import type { Account, InboundInvite } from "../native/account.ts";
import { normalizeUserEntry } from "./policy.ts";

export type InviteVerdict =
  | { accept: true; why: "always" | "room" | "alias" | "inviter" | "successor"; /** Servers an alias named. */ via?: readonly string[] }
  | { accept: false; hint: string };

export interface InviteRules {
  config: MatrixAccountConfig;
  path: string;
  resolveAlias: Account["resolveAlias"];
  /** Users whose pairing request was approved. */
  paired: () => Promise<readonly string[]>;
  /** Successor of a room we are in, if it was upgraded. */
  replacementOf: (roomId: string) => Promise<string | undefined>;
}

type Invite = Pick<InboundInvite, "roomId" | "sender">;

async function invitedByFriend(rules: InviteRules, inviter: string): Promise<boolean> {
  const entries = rules.config.autoJoinFrom ?? [];
  if (entries.some((entry) => normalizeUserEntry(entry) === inviter)) return true;
  const server = inviter.slice(inviter.indexOf(":") + 1);
  if (entries.some((entry) => entry.trim() === `*:${server}`)) return true;
  return entries.some((entry) => entry.trim() === "paired") && (await rules.paired()).includes(inviter);
}

/**
 * Decides one invite. An alias in the list is resolved by the homeserver: what
 * the inviting room says of itself is nobody's word but the inviter's.
 */
export async function judgeInvite(invite: Invite, rules: InviteRules): Promise<InviteVerdict> {
  const mode = rules.config.autoJoin ?? "off";
  if (mode === "always") return { accept: true, why: "always" };
  if (await invitedByFriend(rules, invite.sender)) return { accept: true, why: "inviter" };
  const hint =
    mode === "off"
      ? `set ${rules.path}.autoJoin to "allowlist" and list the room in ${rules.path}.autoJoinAllowlist, or the inviter in ${rules.path}.autoJoinFrom`
      : `add ${JSON.stringify(invite.roomId)} to ${rules.path}.autoJoinAllowlist, or the inviter to ${rules.path}.autoJoinFrom`;
  if (mode === "off") return { accept: false, hint };
  const entries = (rules.config.autoJoinAllowlist ?? []).map((entry) => normalizeRoomKey(String(entry)));
  if (entries.includes("*") || entries.includes(invite.roomId)) return { accept: true, why: "room" };
  for (const alias of entries.filter((entry) => entry.startsWith("#"))) {
    const resolved = await rules.resolveAlias(alias);
    if (resolved?.roomId === invite.roomId) return { accept: true, why: "alias", via: resolved.via };
  }
  for (const roomId of entries.filter((entry) => entry.startsWith("!"))) {
    if ((await rules.replacementOf(roomId)) === invite.roomId) return { accept: true, why: "successor" };
  }
  return { accept: false, hint };
}

function serverOf(id: string): string | undefined {
  return id.includes(":") ? id.slice(id.indexOf(":") + 1) : undefined;
}

/** Servers to join through: those an alias named, the inviter's, and the room's own where its id still names one. */
export function viaServers(invite: Invite, named: readonly string[] = []): string[] {
  const servers = [serverOf(invite.sender), serverOf(invite.roomId), ...named];
  return [...new Set(servers)].filter((name): name is string => Boolean(name));
}
