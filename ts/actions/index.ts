/** The message actions the channel offers, and the process they run in. */
import { createLazyRuntimeModule } from "../host/lazy.ts";
import type { ChannelMessageActionAdapter, ChannelPlugin } from "../host/types.ts";
import type { FindAccount } from "../outbound/adapter.ts";
import { type Action, allowedActions, GATES, isOurs } from "./gates.ts";

const loaders = {
  messages: createLazyRuntimeModule(() => import("./messages.ts")),
  reactions: createLazyRuntimeModule(() => import("./reactions.ts")),
  past: createLazyRuntimeModule(() => import("./past.ts")),
  files: createLazyRuntimeModule(() => import("./files.ts")),
  polls: createLazyRuntimeModule(() => import("./polls.ts")),
  info: createLazyRuntimeModule(() => import("./info.ts")),
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
  }
}

export function createMessageActions(find: FindAccount): ChannelMessageActionAdapter {
  return {
    describeMessageTool: ({ cfg, accountId }) => ({ actions: allowedActions(cfg, accountId), capabilities: ["presentation"] }),
    supportsAction: ({ action }) => isOurs(action),
    // The process that owns the crypto store acts; a command asks the gateway.
    resolveExecutionMode: () => "gateway",
    handleAction: async (ctx) => {
      const { action } = ctx;
      if (!isOurs(action)) throw new Error(`The Matrix channel has no action "${action}".`);
      if (!allowedActions(ctx.cfg, ctx.accountId).includes(action)) {
        throw new Error(`The action "${action}" is switched off; set channels.matrix.actions.${GATES[action]} to true.`);
      }
      const outbound = find(ctx.cfg, ctx.accountId);
      return (await performer(action))(ctx, outbound);
    },
  };
}

/** What the agent is told of parameters that their names do not explain. */
export const agentPrompt: NonNullable<ChannelPlugin["agentPrompt"]> = {
  messageToolHints: () => [
    'Matrix: messageId and pollId are event ids ("$…"); the newest message\'s id stands at its end. `react` with emoji "" takes all your reactions back. `emoji-list` gives the room\'s custom emoji: react with an identifier, or write :identifier: in a message.',
    "Matrix: `poll-vote` with pollEnd: true ends a poll; `read` with a poll's messageId gives its votes. `send` with location: \"48.2082,16.3738\" sends a place, the message describes it.",
    "Matrix: `download-file` with the messageId of a message that carries files gives their paths; `fileId` picks one of a gallery, counted from 1.",
  ],
};
