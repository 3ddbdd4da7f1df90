/** Which actions there are, and the keys of `channels.matrix.actions` that switch them off. */
import { resolveMatrixAccount } from "../config/accounts.ts";
import type { OpenClawConfig } from "../host/types.ts";

/** Actions by the key that switches them off. */
export const GATES = {
  send: "messages",
  read: "messages",
  edit: "messages",
  delete: "messages",
  poll: "messages",
  "poll-vote": "messages",
  react: "reactions",
  reactions: "reactions",
  sendAttachment: "files",
  "upload-file": "files",
  "download-file": "files",
  "emoji-list": "reactions",
  pin: "pins",
  unpin: "pins",
  "list-pins": "pins",
  "member-info": "memberInfo",
  "channel-info": "channelInfo",
} as const;

export type Action = keyof typeof GATES;

export function isOurs(action: string): action is Action {
  return Object.hasOwn(GATES, action);
}

export function allowedActions(cfg: OpenClawConfig, accountId: string | null | undefined): Action[] {
  const gates = resolveMatrixAccount(cfg, accountId).config.actions;
  return (Object.keys(GATES) as Action[]).filter((action) => gates?.[GATES[action]] !== false);
}
