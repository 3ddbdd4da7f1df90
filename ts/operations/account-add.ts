/** What `account add` does on the new account, once it is logged in: a look at its devices, encryption, profile. */
import type { Account } from "../native/account.ts";
import { isMatrixError } from "../native/errors.ts";
import { encryptionSetupOperation } from "./bootstrap.ts";
import { staleDevices } from "./devices.ts";
import type { OperationContext } from "./operation.ts";
import { failure } from "./outcome.ts";

/** What was asked for. */
export interface WantedAccount {
  name?: string;
  avatarUrl?: string;
  encryption: boolean;
  showNewRecoveryKey: boolean;
}

export interface AddedAccount {
  deviceHealth: { currentDeviceId: string | null; staleOpenClawDeviceIds: string[]; error?: string };
  verificationBootstrap: { attempted: boolean; success: boolean; recoveryKeyCreatedAt: string | null; backupVersion: string | null; error?: string };
  profile: {
    attempted: boolean;
    displayNameUpdated: boolean;
    avatarUpdated: boolean;
    resolvedAvatarUrl: string | null;
    convertedAvatarFromHttp: boolean;
    error?: string;
  };
  /** The one time that a person sees it. */
  recoveryKey?: string;
  /** The secret storage is new, and with it the recovery key. */
  recoveryKeyCreated: boolean;
}

const NO_PROFILE = { displayNameUpdated: false, avatarUpdated: false, resolvedAvatarUrl: null, convertedAvatarFromHttp: false };
const NO_BOOTSTRAP = { success: false, recoveryKeyCreatedAt: null, backupVersion: null };

/** Each part says for itself what it could not do. */
export async function addOnAccount(account: Account, wanted: WantedAccount, context: OperationContext): Promise<AddedAccount> {
  const profile = await profileOf(account, wanted);
  const bootstrap = await bootstrapOf(account, wanted, context);
  return { deviceHealth: await deviceHealthOf(account), ...bootstrap, profile };
}

/** The account is added although nobody could be asked. */
export function notReached(error: unknown, wanted: WantedAccount): AddedAccount {
  const why = isMatrixError(error, "store_locked") ? "the account runs already, and takes the change over by itself." : failure(error).error;
  return {
    deviceHealth: { currentDeviceId: null, staleOpenClawDeviceIds: [], error: why },
    verificationBootstrap: { attempted: false, ...NO_BOOTSTRAP, ...(wanted.encryption && { error: "Not begun; run `openclaw matrix encryption setup` once the account runs." }) },
    profile: { attempted: false, ...NO_PROFILE },
    recoveryKeyCreated: false,
  };
}

async function deviceHealthOf(account: Account): Promise<AddedAccount["deviceHealth"]> {
  const currentDeviceId = account.identity.deviceId;
  try {
    return { currentDeviceId, staleOpenClawDeviceIds: staleDevices(await account.devices()) };
  } catch (error) {
    return { currentDeviceId, staleOpenClawDeviceIds: [], error: failure(error).error };
  }
}

async function bootstrapOf(
  account: Account,
  wanted: WantedAccount,
  context: OperationContext,
): Promise<Pick<AddedAccount, "verificationBootstrap" | "recoveryKey" | "recoveryKeyCreated">> {
  if (!wanted.encryption) return { verificationBootstrap: { attempted: false, ...NO_BOOTSTRAP }, recoveryKeyCreated: false };
  try {
    const params = { forceResetCrossSigning: false, showNewRecoveryKey: wanted.showNewRecoveryKey };
    const { success, error, bootstrap, status } = await encryptionSetupOperation.run(account, params, context);
    const { recoveryKeyCreatedAt, backupVersion } = status;
    return {
      verificationBootstrap: { attempted: true, success, recoveryKeyCreatedAt, backupVersion, ...(error === undefined ? {} : { error }) },
      recoveryKeyCreated: bootstrap.changed?.recoveryKeyCreated ?? false,
      ...(bootstrap.recoveryKey === undefined ? {} : { recoveryKey: bootstrap.recoveryKey }),
    };
  } catch (error) {
    return { verificationBootstrap: { attempted: true, ...NO_BOOTSTRAP, error: failure(error).error }, recoveryKeyCreated: false };
  }
}

async function profileOf(account: Account, { name, avatarUrl }: WantedAccount): Promise<AddedAccount["profile"]> {
  if (!name?.trim() && !avatarUrl?.trim()) return { attempted: false, ...NO_PROFILE };
  try {
    const done = await account.setProfile({ displayName: name?.trim() || undefined, avatarUrl: avatarUrl?.trim() || undefined, refresh: true });
    const { displayNameUpdated, avatarUpdated } = done;
    return { attempted: true, displayNameUpdated, avatarUpdated, resolvedAvatarUrl: done.resolvedAvatarUrl ?? null, convertedAvatarFromHttp: done.convertedAvatar };
  } catch (error) {
    return { attempted: true, ...NO_PROFILE, error: failure(error).error };
  }
}
