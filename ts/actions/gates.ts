/** Which actions there are, the keys of `channels.matrix.actions` that switch them, and who may have them done. */
import { resolveMatrixAccount } from "../config/accounts.ts";
import type { OpenClawConfig } from "../host/types.ts";

/** Actions by the key that switches them. */
export const GATES = {
  send: "messages",
  read: "messages",
  edit: "messages",
  delete: "messages",
  poll: "messages",
  "poll-vote": "messages",
  react: "reactions",
  reactions: "reactions",
  pin: "pins",
  unpin: "pins",
  "list-pins": "pins",
  "member-info": "memberInfo",
  "channel-info": "channelInfo",
  "set-profile": "profile",
  permissions: "verification",
  "thread-create": "threads",
  "thread-list": "threads",
  "thread-reply": "threads",
  reply: "files",
  unsend: "files",
  search: "search",
  "channel-list": "rooms",
  "channel-create": "rooms",
  "channel-edit": "rooms",
  "conversation-open": "rooms",
  renameGroup: "rooms",
  setGroupIcon: "rooms",
  addParticipant: "rooms",
  removeParticipant: "rooms",
  leaveGroup: "rooms",
  "category-create": "rooms",
  "category-edit": "rooms",
  "category-delete": "rooms",
  kick: "moderation",
  ban: "moderation",
  "role-info": "moderation",
  "role-add": "moderation",
  "role-remove": "moderation",
  "channel-delete": "moderation",
  "set-presence": "presence",
} as const;

export type Action = keyof typeof GATES;
export type Gate = (typeof GATES)[Action];

/** Switched off unless the configuration switches them on. */
const OFF: ReadonlySet<Gate> = new Set<Gate>(["rooms", "moderation", "presence"]);
/** What these do reaches beyond the conversation: the owner alone may ask for it. */
const OWNER_ONLY: ReadonlySet<Gate> = new Set<Gate>(["profile", "verification", "rooms", "moderation"]);

/** Whether the owner alone may have it done. */
export function isOwnersAlone(action: Action): boolean {
  return OWNER_ONLY.has(GATES[action]);
}

export function isOurs(action: string): action is Action {
  return Object.hasOwn(GATES, action);
}

/** Who asks. */
export interface Asker {
  senderIsOwner?: boolean;
  conversationReadOrigin?: string;
}

/** A command's operator is its owner, too. */
function isOwner({ senderIsOwner, conversationReadOrigin }: Asker): boolean {
  return senderIsOwner === true || conversationReadOrigin === "direct-operator";
}

/** Why an action is not there for somebody; undefined if it is. */
export function refusal(cfg: OpenClawConfig, accountId: string | null | undefined, action: Action, asker: Asker): string | undefined {
  const { config, encryption } = resolveMatrixAccount(cfg, accountId);
  const gate = GATES[action];
  if (!(config.actions?.[gate] ?? !OFF.has(gate))) return `The action "${action}" is switched off; set channels.matrix.actions.${gate} to true.`;
  if (gate === "verification" && !encryption) return `The action "${action}" is about encryption, which is off; set channels.matrix.encryption to true.`;
  if (OWNER_ONLY.has(gate) && !isOwner(asker)) return `The action "${action}" is the owner's alone; commands.ownerAllowFrom says who that is.`;
  return undefined;
}

export function allowedActions(cfg: OpenClawConfig, accountId: string | null | undefined, asker: Asker): Action[] {
  return (Object.keys(GATES) as Action[]).filter((action) => refusal(cfg, accountId, action, asker) === undefined);
}
