/** `openclaw channels logout --channel matrix` (HST-6): the homeserver forgets the device, this machine the session. */
import { type HostConfig, resolveMatrixAccount, toLoginOptions } from "../config/accounts.ts";
import { editAccount, writtenAccount, writtenPath } from "../config/edit.ts";
import { hostStateDir, processEnvironment } from "../config/env.ts";
import { configFile as hostConfigFile, type ConfigFile } from "../host/config-file.ts";
import { pluginRootDir } from "../host/slot.ts";
import type { Native } from "../native/account.ts";
import { loadNative } from "../native/load.ts";

export interface LogoutRequest {
  cfg: HostConfig;
  accountId: string;
  runtime: { log: (line: string) => void };
}

/** What a logout takes from its surroundings; tests bring their own. */
export interface LogoutSurroundings {
  native: () => Native;
  stateRoot: string;
  file: ConfigFile;
}

function here(): LogoutSurroundings {
  return { native: () => loadNative(pluginRootDir()), stateRoot: hostStateDir(processEnvironment()), file: hostConfigFile };
}

const LOGIN = ["accessToken", "password", "deviceId"] as const;

/** The host has stopped the account before. */
export async function logoutAccount({ cfg, accountId, runtime }: LogoutRequest, around: LogoutSurroundings = here()): Promise<{ cleared: boolean; loggedOut: boolean }> {
  const resolved = resolveMatrixAccount(cfg, accountId);
  const done = await around.native().logOut(toLoginOptions(resolved, { stateRoot: around.stateRoot, env: processEnvironment() }));
  // A login that still stood in the file would make a new device at the next start.
  const written = writtenAccount(await around.file.read(), accountId);
  const obsolete = LOGIN.filter((key) => written[key] !== undefined);
  if (obsolete.length > 0) await around.file.edit((now) => editAccount(now, accountId, Object.fromEntries(obsolete.map((key) => [key, undefined]))));
  const path = writtenPath(cfg, accountId);
  if (obsolete.length > 0) runtime.log(`Taken out of the configuration: ${obsolete.map((key) => `${path}.${key}`).join(", ")}.`);
  if (done.putAway !== undefined) runtime.log(`The device's encryption store is in ${done.putAway}; delete it when you are sure.`);
  if (done.foreignDevice) runtime.log("The access token is another client's device, and still works there.");
  // What the environment says of a login logs in again.
  const left = resolveMatrixAccount(await around.file.read(), accountId).credentials !== "missing";
  if (left) runtime.log(`A login still stands outside ${path} (in the environment?); with it the account logs in again at its next start.`);
  return { cleared: done.hadSession || obsolete.length > 0, loggedOut: !left };
}
