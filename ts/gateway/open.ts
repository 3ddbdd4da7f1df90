/** Opens one account: addon, login, and the check that nobody else here has the same device. */
import { createHash } from "node:crypto";
import { type ResolvedMatrixAccount, toOpenAccountOptions } from "../config/accounts.ts";
import { processEnvironment } from "../config/env.ts";
import type { ChannelLogSink } from "../host/types.ts";
import type { Account, Native } from "../native/account.ts";
import { bridgeLogs } from "./logs.ts";
import { claimLogin, enter, releaseLogin, type RunningAccount } from "./registry.ts";
import { type Trouble, trouble, troubleOf } from "./sentences.ts";

export interface OpenInput {
  resolved: ResolvedMatrixAccount;
  /** The account's configuration as it is at any later moment. */
  current: () => ResolvedMatrixAccount;
  path: string;
  native: () => Native;
  stateRoot: string;
  log: ChannelLogSink;
}

/** The account, entered in the registry but not started. */
export interface Opened {
  entry: RunningAccount;
  /** Gives the login free; to be called when the account is closed. */
  release: () => void;
}

/** Names a login without giving it away; a password makes a device of its own, so it needs no name. */
function fingerprint({ homeserver, accessToken, userId, deviceId }: ResolvedMatrixAccount): string | undefined {
  const parts = accessToken ? [homeserver, accessToken] : userId && deviceId ? [homeserver, userId, deviceId] : undefined;
  return parts && createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

function sameDevice(holder: string, accountId: string, place: { path: string; accountId: string }): Trouble {
  return trouble(
    "config_invalid",
    `The accounts "${holder}" and "${accountId}" are the same login, hence one device; "${accountId}" is not started. ` +
      `Remove one of them, or give "${accountId}" a login of its own`,
    place,
  );
}

export async function openAccount(input: OpenInput): Promise<Opened | Trouble> {
  const { resolved, path } = input;
  const { accountId } = resolved;
  const place = { path, accountId };
  if (resolved.issue) return trouble("config_invalid", resolved.issue, place);
  const login = fingerprint(resolved);
  const holder = login && claimLogin(accountId, login);
  if (holder) return sameDevice(holder, accountId, place);
  const release = () => {
    if (login) releaseLogin(accountId, login);
  };
  let account: Account | undefined;
  try {
    const native = input.native();
    bridgeLogs(native, accountId, input.log);
    account = await native.openAccount(toOpenAccountOptions(resolved, { stateRoot: input.stateRoot, env: processEnvironment() }));
    const entry: RunningAccount = { accountId, account, resolved: input.current, startedAt: Date.now() };
    const twin = enter(entry);
    if (twin === undefined) return { entry, release };
    await account.close();
    release();
    return sameDevice(twin, accountId, place);
  } catch (error) {
    await account?.close().catch(() => undefined);
    release();
    return troubleOf(error, place);
  }
}
