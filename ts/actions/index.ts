/** The message actions the channel offers, and the process they run in. */
import { createLazyRuntimeModule } from "../host/lazy.ts";
import type { ChannelMessageActionAdapter, OpenClawConfig } from "../host/types.ts";
import type { FindAccount } from "../outbound/adapter.ts";
import { resolveMatrixAccount } from "../config/accounts.ts";

const loadMessages = createLazyRuntimeModule(() => import("./messages.ts"));

/** Actions by the key of `actions` that switches them off. */
const GATES = { send: "messages", react: "reactions" } as const;
type Action = keyof typeof GATES;

function isOurs(action: string): action is Action {
  return Object.hasOwn(GATES, action);
}

function allowed(cfg: OpenClawConfig, accountId: string | null | undefined, action: Action): boolean {
  return resolveMatrixAccount(cfg, accountId).config.actions?.[GATES[action]] !== false;
}

export function createMessageActions(find: FindAccount): ChannelMessageActionAdapter {
  return {
    describeMessageTool: ({ cfg, accountId }) => ({
      actions: (Object.keys(GATES) as Action[]).filter((action) => allowed(cfg, accountId, action)),
    }),
    supportsAction: ({ action }) => isOurs(action),
    // The process that owns the crypto store sends; a command asks the gateway.
    resolveExecutionMode: () => "gateway",
    handleAction: async (ctx) => {
      const { action } = ctx;
      if (!isOurs(action)) throw new Error(`The Matrix channel has no action "${action}".`);
      if (!allowed(ctx.cfg, ctx.accountId, action)) {
        throw new Error(`The action "${action}" is switched off; set channels.matrix.actions.${GATES[action]} to true.`);
      }
      const outbound = find(ctx.cfg, ctx.accountId);
      const { performMessageAction } = await loadMessages();
      return performMessageAction(action, ctx, outbound);
    },
  };
}
