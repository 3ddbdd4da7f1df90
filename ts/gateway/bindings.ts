/** Gives an account that is served its bound conversations. */
import { threadKey } from "../inbound/implicit.ts";
import type { InboundPorts } from "../inbound/ports.ts";
import { ThreadBindings } from "../threads/bindings.ts";
import type { BindingStore } from "../threads/store.ts";
import type { RunningAccount } from "./registry.ts";

/** @returns ends it; the bindings stay on disk */
export async function serveBindings(entry: RunningAccount, ports: InboundPorts, store: BindingStore): Promise<() => Promise<void>> {
  const { accountId, account, cfg, log } = ports;
  const bindings = await ThreadBindings.start({
    accountId,
    account,
    cfg,
    store,
    noteThread: (roomId, rootId) => ports.threads.note(accountId, threadKey(roomId, rootId)),
    log,
  });
  entry.bindings = bindings;
  return () => bindings.stop().catch((error: unknown) => log.warn(`[${accountId}] the bindings of conversations could not be stored: ${String(error)}`));
}
