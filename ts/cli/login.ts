/**
 * `openclaw channels login --channel matrix` (AUT-9): a person allows the login in a browser, on whatever
 * machine it is. For homeservers that have left passwords behind, and for others that have an authorization server.
 */
import { type HostConfig, resolveMatrixAccount, toLoginOptions } from "../config/accounts.ts";
import { editAccount, writtenPath } from "../config/edit.ts";
import { processEnvironment } from "../config/env.ts";
import { configFile as hostConfigFile, type ConfigFile } from "../host/config-file.ts";
import { resolveStateDir } from "../host/paths.ts";
import { pluginRootDir } from "../host/slot.ts";
import type { Native } from "../native/account.ts";
import { isMatrixError, MatrixError } from "../native/errors.ts";
import { loadNative } from "../native/load.ts";
import type { LoginPrompt } from "../native/login.ts";
import { terminalText } from "./text.ts";

export interface LoginRequest {
  cfg: HostConfig;
  accountId?: string | null;
  runtime: { log: (line: string) => void };
}

/** What a login takes from its surroundings; tests bring their own. */
export interface LoginSurroundings {
  native: () => Native;
  stateRoot: string;
  file: ConfigFile;
}

function here(): LoginSurroundings {
  return { native: () => loadNative(pluginRootDir()), stateRoot: resolveStateDir(), file: hostConfigFile };
}

function promptLines({ userCode, verificationUri, verificationUriComplete, expiresInMs }: LoginPrompt): string[] {
  return [
    ...(verificationUriComplete ? [`Open ${verificationUriComplete}`, `and see that it shows the code ${userCode}.`] : [`Open ${verificationUri}`, `and enter the code ${userCode}.`]),
    `It is good for ${Math.max(1, Math.round(expiresInMs / 60_000))} minutes. Waiting …`,
  ];
}

/** @throws Error whose message says what to do */
export async function login({ cfg, accountId: stated, runtime }: LoginRequest, around: LoginSurroundings = here()): Promise<void> {
  const resolved = resolveMatrixAccount(cfg, stated);
  const { accountId } = resolved;
  const path = writtenPath(cfg, accountId);
  if (!resolved.homeserver) throw new Error(`${path}.homeserver is not set: give the homeserver's URL, or its server name, and log in again.`);
  const { userId } = resolved;
  // What the configuration says of another login does not count for this one.
  const options = { ...toLoginOptions(resolved, { stateRoot: around.stateRoot, env: processEnvironment() }), auth: { type: "stored", userId } as const };
  const say = (lines: readonly string[]) => lines.forEach((line) => runtime.log(terminalText(line)));
  const pending = await around.native().beginLogin(options).catch((error: unknown) => {
    if (!isMatrixError(error, "store_locked")) throw error;
    throw new MatrixError(
      "store_locked",
      `The Matrix account "${accountId}" is in use: it is logged in and runs. To log in anew, end that with \`openclaw channels logout --channel matrix --account ${accountId}\` first.`,
    );
  });
  say(promptLines(pending.prompt));
  const identity = await pending.finish();
  await around.file.edit((now) => editAccount(now, accountId, { enabled: true, userId: identity.userId, accessToken: undefined, password: undefined, deviceId: undefined }));
  say([`Logged in as ${identity.userId} on the device ${identity.deviceId}.`]);
}
