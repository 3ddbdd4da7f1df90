/** What the host shows and checks of the access rules: DM policy, room mentions, pairing, warnings. */
import { DEFAULT_ACCOUNT_ID, type ResolvedMatrixAccount, resolveMatrixAccount, roomConfig } from "../config/accounts.ts";
import { createLazyRuntimeModule } from "../host/lazy.ts";
import type { ChannelPlugin, OpenClawConfig } from "../host/types.ts";
import { stripAddress } from "../inbound/mention.ts";
import { effectiveDmPolicy, effectiveGroupPolicy, normalizeUserEntry, requiresMention } from "../inbound/policy.ts";
import { bareTarget } from "../outbound/target.ts";
import { findAccount } from "./find.ts";
import { accountPath } from "./place.ts";
import { runningAccount } from "./registry.ts";

const loadRpc = createLazyRuntimeModule(() => import("../host/rpc.ts"));

function warnings(cfg: OpenClawConfig, account: ResolvedMatrixAccount): string[] {
  const { config, accountId } = account;
  const path = accountPath(cfg, accountId);
  const found: string[] = [];
  const policy = effectiveGroupPolicy(config, cfg.channels?.defaults?.groupPolicy);
  const rooms = Object.entries(config.groups ?? {}).filter(([, room]) => room.enabled !== false);
  if (policy === "open") {
    found.push(`Matrix account "${accountId}": ${path}.groupPolicy is "open", so anybody in any room the bot is in may talk to the agent. Set it to "allowlist" and list rooms in ${path}.groups.`);
  }
  const unguarded = rooms.filter(([, room]) => !room.users?.length);
  if (policy === "allowlist" && !config.groupAllowFrom?.length && unguarded.length > 0) {
    found.push(`Matrix account "${accountId}": ${path}.groupAllowFrom is empty, so every member of ${unguarded.map(([key]) => key).join(", ")} may talk to the agent. List user ids there or in the room's users.`);
  }
  if (config.autoJoin === "always") {
    found.push(`Matrix account "${accountId}": ${path}.autoJoin is "always", so anybody can bring the bot into a room. Set it to "allowlist" with ${path}.autoJoinAllowlist or ${path}.autoJoinFrom.`);
  }
  const dm = effectiveDmPolicy(config);
  const everybody = (config.dm?.allowFrom ?? []).some((entry) => normalizeUserEntry(String(entry)) === "*");
  if (dm === "open" && everybody) {
    found.push(`Matrix account "${accountId}": ${path}.dm.policy is "open", so anybody may send the agent direct messages. Set it to "pairing" or "allowlist".`);
  }
  if (dm === "open" && !everybody) {
    found.push(`Matrix account "${accountId}": ${path}.dm.policy is "open" but ${path}.dm.allowFrom has no "*", so only the listed people are answered. Add "*", or set the policy to "allowlist".`);
  }
  return found;
}

export const security: NonNullable<ChannelPlugin<ResolvedMatrixAccount>["security"]> = {
  // `openclaw security audit` brings what was inspected, which has no configuration.
  resolveDmPolicy: ({ cfg, account: { accountId } }) => {
    const path = accountPath(cfg, accountId);
    const { config } = resolveMatrixAccount(cfg, accountId);
    return {
      policy: effectiveDmPolicy(config),
      allowFrom: config.dm?.allowFrom ?? [],
      policyPath: `${path}.dm.policy`,
      allowFromPath: `${path}.dm.`,
      approveHint: "openclaw pairing approve matrix <CODE>",
      normalizeEntry: (raw) => normalizeUserEntry(raw) ?? raw.trim(),
    };
  },
  collectWarnings: ({ cfg, account: { accountId } }) => warnings(cfg, resolveMatrixAccount(cfg, accountId)),
};

/** The room's entry, also under an alias that the running account has resolved. */
function roomEntry(cfg: OpenClawConfig, accountId: string | null | undefined, groupId: string) {
  const resolved = resolveMatrixAccount(cfg, accountId);
  const roomId = bareTarget(groupId);
  return roomConfig(resolved, { roomId, aliases: runningAccount(resolved.accountId)?.inbound?.names.knownNames(roomId) ?? [] }).entry;
}

export const groups: NonNullable<ChannelPlugin["groups"]> = {
  resolveRequireMention: ({ cfg, accountId, groupId }) => (groupId ? requiresMention(roomEntry(cfg, accountId, groupId)) : undefined),
  resolveToolPolicy: ({ cfg, accountId, groupId }) => (groupId ? roomEntry(cfg, accountId, groupId)?.tools : undefined),
};

/** Takes our own address off the beginning of a text, where the host looks for commands (MEN-6). */
export const mentions: NonNullable<ChannelPlugin["mentions"]> = {
  stripMentions: ({ text, ctx }) => {
    const running = runningAccount(ctx.AccountId ?? DEFAULT_ACCOUNT_ID);
    return running ? stripAddress(text, running.account.identity) : text;
  },
};

/** Tells a person that the request was approved; by the account that runs in this process. */
export async function notifyApproved(cfg: OpenClawConfig, accountId: string, userId: string, asked?: string): Promise<void> {
  const { account } = findAccount(cfg, accountId);
  const room = asked === undefined ? undefined : await account.roomInfo(asked).catch(() => undefined);
  // Where they asked, if that is still between the two of us.
  const there = room?.membership === "join" && room.otherMembers.includes(userId);
  const roomId = there ? room.roomId : (await account.openDm(userId)).roomId;
  await account.sendText({
    roomId,
    markdown: "✅ OpenClaw access approved. Send a message to start chatting.",
    kind: "text",
    chunkLimit: 4000,
    chunkMode: "length",
    tables: "block",
  });
}

export const pairing: NonNullable<ChannelPlugin["pairing"]> = {
  idLabel: "matrixUserId",
  normalizeAllowEntry: (entry) => normalizeUserEntry(entry) ?? entry.trim(),
  notifyApproval: async ({ cfg, id, accountId: stated, meta }) => {
    const userId = normalizeUserEntry(id);
    if (!userId) return;
    const { accountId } = resolveMatrixAccount(cfg, stated);
    const { room } = meta ?? {};
    if (runningAccount(accountId)) return notifyApproved(cfg, accountId, userId, room);
    // `openclaw pairing approve --notify` runs outside the gateway.
    const { callGatewayFromCli } = await loadRpc();
    await callGatewayFromCli("matrix.pairing.notify", {}, { id: userId, accountId, room }, { progress: false });
  },
};
