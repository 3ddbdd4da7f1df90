/** The message actions the channel offers, and the process they run in. */
import { createLazyRuntimeModule } from "../host/lazy.ts";
import type { ChannelMessageActionAdapter, ChannelPlugin } from "../host/types.ts";
import type { FindAccount } from "../outbound/adapter.ts";
import { type Action, allowedActions, isOurs, isOwnersAlone, refusal } from "./gates.ts";
import { extraParameters } from "./parameters.ts";

const loaders = {
  messages: createLazyRuntimeModule(() => import("./messages.ts")),
  reactions: createLazyRuntimeModule(() => import("./reactions.ts")),
  past: createLazyRuntimeModule(() => import("./past.ts")),
  files: createLazyRuntimeModule(() => import("./files.ts")),
  polls: createLazyRuntimeModule(() => import("./polls.ts")),
  info: createLazyRuntimeModule(() => import("./info.ts")),
  threads: createLazyRuntimeModule(() => import("./threads.ts")),
  search: createLazyRuntimeModule(() => import("./search.ts")),
  rooms: createLazyRuntimeModule(() => import("./rooms.ts")),
  moderation: createLazyRuntimeModule(() => import("./moderation.ts")),
  own: createLazyRuntimeModule(() => import("./own.ts")),
  permissions: createLazyRuntimeModule(() => import("./permissions.ts")),
};

/** The function behind an action; loaded when it is called for. */
async function performer(action: Action) {
  switch (action) {
    case "send":
      return (await loaders.messages()).send;
    case "edit":
      return (await loaders.messages()).edit;
    case "delete":
      return (await loaders.messages()).remove;
    case "react":
      return (await loaders.reactions()).react;
    case "reactions":
      return (await loaders.reactions()).listReactions;
    case "emoji-list":
      return (await loaders.reactions()).listEmojis;
    case "read":
      return (await loaders.past()).read;
    case "pin":
      return (await loaders.past()).pin;
    case "unpin":
      return (await loaders.past()).unpin;
    case "list-pins":
      return (await loaders.past()).listPins;
    case "sendAttachment":
    case "upload-file":
      return (await loaders.files()).attach;
    case "download-file":
      return (await loaders.files()).download;
    case "poll":
      return (await loaders.polls()).ask;
    case "poll-vote":
      return (await loaders.polls()).vote;
    case "member-info":
      return (await loaders.info()).memberInfo;
    case "channel-info":
      return (await loaders.info()).roomInfo;
    case "reply":
      return (await loaders.messages()).reply;
    case "unsend":
      return (await loaders.messages()).unsend;
    case "thread-create":
      return (await loaders.threads()).create;
    case "thread-reply":
      return (await loaders.threads()).reply;
    case "thread-list":
      return (await loaders.threads()).list;
    case "search":
      return (await loaders.search()).search;
    case "set-profile":
      return (await loaders.own()).setProfile;
    case "set-presence":
      return (await loaders.own()).setPresence;
    case "permissions":
      return (await loaders.permissions()).permissions;
    case "kick":
      return (await loaders.moderation()).kick;
    case "ban":
      return (await loaders.moderation()).ban;
    case "role-info":
      return (await loaders.moderation()).roles;
    case "role-add":
      return (await loaders.moderation()).addRole;
    case "role-remove":
      return (await loaders.moderation()).removeRole;
    case "channel-delete":
      return (await loaders.rooms()).deleteRoom;
    case "channel-list":
      return (await loaders.rooms()).list;
    case "channel-create":
      return (await loaders.rooms()).create;
    case "channel-edit":
      return (await loaders.rooms()).edit;
    case "conversation-open":
      return (await loaders.rooms()).openConversation;
    case "renameGroup":
      return (await loaders.rooms()).rename;
    case "setGroupIcon":
      return (await loaders.rooms()).setIcon;
    case "addParticipant":
      return (await loaders.rooms()).addParticipant;
    case "removeParticipant":
      return (await loaders.rooms()).removeParticipant;
    case "leaveGroup":
      return (await loaders.rooms()).leave;
    case "category-create":
      return (await loaders.rooms()).createSpace;
    case "category-edit":
      return (await loaders.rooms()).editSpace;
    case "category-delete":
      return (await loaders.rooms()).deleteSpace;
  }
}

/**
 * @param runsHere whether an account runs in this process, as in the gateway
 */
export function createMessageActions(find: FindAccount, runsHere: () => boolean): ChannelMessageActionAdapter {
  return {
    describeMessageTool: ({ cfg, accountId, senderIsOwner }) => {
      const actions = allowedActions(cfg, accountId, { senderIsOwner });
      return { actions, schema: extraParameters(actions), capabilities: ["presentation"] };
    },
    supportsAction: ({ action }) => isOurs(action),
    // The process that owns the crypto store acts; a command asks the gateway. So does the agent, whose request
    // forgets on that way who the owner is: what is the owner's alone is done where it was asked for.
    resolveExecutionMode: ({ action }) => (isOurs(action) && isOwnersAlone(action) && runsHere() ? "local" : "gateway"),
    handleAction: async (ctx) => {
      const { action } = ctx;
      if (!isOurs(action)) throw new Error(`The Matrix channel has no action "${action}".`);
      const refused = refusal(ctx.cfg, ctx.accountId, action, ctx);
      if (refused !== undefined) throw new Error(refused);
      const outbound = find(ctx.cfg, ctx.accountId);
      return (await performer(action))(ctx, outbound);
    },
  };
}

/** What the agent is told of parameters that their names do not explain. */
export const agentPrompt: NonNullable<ChannelPlugin["agentPrompt"]> = {
  messageToolHints: () => [
    'Matrix: messageId and pollId are event ids ("$…"); the newest message\'s id stands at its end. `react` with emoji "" takes all your reactions back. `emoji-list` gives the room\'s custom emoji: react with an identifier, or write :identifier: in a message.',
    "Matrix: `read` with a poll's messageId gives its votes. `edit` and `unsend` need target; `emoji-list`, `download-file`, `member-info`, `search`, `thread-list`, `role-info` and `channel-list` need channelId: the room as the conversation's target names it (`room:!…`).",
    "Matrix: `download-file` with the messageId of a message that carries files gives their paths; `fileId` picks one of a gallery, counted from 1.",
  ],
};
