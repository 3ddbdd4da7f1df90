/** What others see of the account: its profile (ACT-8) and its presence (ACT-20). */
import { jsonResult, readStringParam } from "../host/action-results.ts";
import type { ChannelMessageActionContext } from "../host/types.ts";
import type { OutboundAccount } from "../outbound/send.ts";
import { handoff } from "./target.ts";

export async function setProfile(ctx: ChannelMessageActionContext, { account }: OutboundAccount) {
  const displayName = readStringParam(ctx.params, "displayName") ?? readStringParam(ctx.params, "name");
  const avatarUrl = readStringParam(ctx.params, "avatarUrl");
  if (readStringParam(ctx.params, "avatarPath") !== undefined) throw new Error("A file cannot be made the picture: give an https: or mxc: URL as avatarUrl.");
  if (displayName === undefined && avatarUrl === undefined) throw new Error("What is to change? Give displayName or avatarUrl.");
  await handoff(ctx);
  const outcome = await account.setProfile({ displayName, avatarUrl, refresh: false });
  return jsonResult({
    ok: true,
    displayNameUpdated: outcome.displayNameUpdated,
    avatarUpdated: outcome.avatarUpdated,
    ...(outcome.resolvedAvatarUrl === undefined ? {} : { avatarUrl: outcome.resolvedAvatarUrl }),
  });
}

/** Matrix knows three; the host's words, which are Discord's, are among these. */
const PRESENCES = { online: "online", idle: "unavailable", dnd: "unavailable", unavailable: "unavailable", invisible: "off", offline: "off", off: "off" } as const;

export async function setPresence(ctx: ChannelMessageActionContext, { account }: OutboundAccount) {
  const named = (readStringParam(ctx.params, "status") ?? "online").toLowerCase();
  if (!Object.hasOwn(PRESENCES, named)) throw new Error(`"${named}" is no presence; there are ${Object.keys(PRESENCES).join(", ")}.`);
  const presence = PRESENCES[named as keyof typeof PRESENCES];
  const line = readStringParam(ctx.params, "activityState") ?? readStringParam(ctx.params, "activityName");
  await handoff(ctx);
  await account.setPresence(presence, line);
  return jsonResult({ ok: true, presence: presence === "off" ? "offline" : presence, ...(line === undefined ? {} : { status: line }) });
}
