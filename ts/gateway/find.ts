/** The account an outbound call runs on: one that runs in this very process, or a sentence why there is none. */
import { listMatrixAccountIds, resolveDefaultMatrixAccountId, resolveMatrixAccount } from "../config/accounts.ts";
import { threadKey } from "../inbound/implicit.ts";
import type { FindAccount } from "../outbound/adapter.ts";
import { blockedAccount, runningAccount } from "./registry.ts";

export const findAccount: FindAccount = (cfg, accountId) => {
  const resolved = resolveMatrixAccount(cfg, accountId ?? resolveDefaultMatrixAccountId(cfg));
  const running = runningAccount(resolved.accountId);
  if (running) {
    const { inbound } = running;
    return { account: running.account, resolved, replaced: inbound?.replaced, noteThread: inbound && ((roomId, rootId) => inbound.threads.note(resolved.accountId, threadKey(roomId, rootId))) };
  }
  const blocked = blockedAccount(resolved.accountId);
  if (blocked) throw new Error(`The Matrix account "${resolved.accountId}" does not run: ${blocked.message}`);
  if (!listMatrixAccountIds(cfg).includes(resolved.accountId)) {
    throw new Error(`There is no Matrix account "${resolved.accountId}"; the accounts are ${listMatrixAccountIds(cfg).join(", ") || "none"}.`);
  }
  throw new Error(
    `The Matrix account "${resolved.accountId}" does not run in this process. Messages are sent by the gateway: start it with \`openclaw gateway run\`, and see \`openclaw channels status --probe\`.`,
  );
};
