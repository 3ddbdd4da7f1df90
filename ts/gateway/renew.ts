/** `matrix.devices.renew` in the gateway: between two openings of the account, or on its folder if it does not run. */
import { type HostConfig, type ResolvedMatrixAccount, resolveMatrixAccount } from "../config/accounts.ts";
import { processEnvironment } from "../config/env.ts";
import { selectAccount } from "../config/select.ts";
import { hostRuntime, pluginRootDir } from "../host/slot.ts";
import { loadNative } from "../native/load.ts";
import { renewDevice, renewParams, type RenewReport } from "../operations/renew.ts";
import { startOf } from "./registry.ts";

export async function renewInGateway(params: Record<string, unknown>, cfg: HostConfig): Promise<RenewReport> {
  const accountId = selectAccount(cfg, typeof params.accountId === "string" ? params.accountId : undefined);
  const asked = renewParams(params);
  const host = { stateRoot: hostRuntime().state.resolveStateDir(), env: processEnvironment() };
  const renew = (resolved: ResolvedMatrixAccount) => renewDevice(loadNative(pluginRootDir()), resolved, host, asked);
  const start = startOf(accountId);
  return start ? start.whileClosed(renew) : renew(resolveMatrixAccount(cfg, accountId));
}
