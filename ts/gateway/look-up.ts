/** Wires the directory to the addon: the account's token, or the session of its last login, over plain requests. */
import { toOpenQueuesOptions } from "../config/accounts.ts";
import { extraCaCerts, hostStateDir, processEnvironment } from "../config/env.ts";
import type { Look } from "../directory/adapter.ts";
import { createLazyRuntimeModule } from "../host/lazy.ts";
import { pluginRootDir } from "../host/slot.ts";

const loadAddon = createLazyRuntimeModule(() => import("../native/load.ts"));

export const lookUp: Look = async (account, what) => {
  if (!account.homeserver) throw new Error(account.issue ?? "The account has no homeserver; set channels.matrix.homeserver.");
  const { loadNative } = await loadAddon();
  const env = processEnvironment();
  const { accountId, stateDir, storePassphrase } = toOpenQueuesOptions(account, hostStateDir(env));
  return loadNative(pluginRootDir()).lookUp({
    accountId,
    stateDir,
    storePassphrase,
    homeserver: account.homeserver,
    network: { allowPrivateNetwork: account.allowPrivateNetwork, proxy: account.proxy, extraCaCerts: extraCaCerts(env) },
    accessToken: account.accessToken,
    ...what,
  });
};
