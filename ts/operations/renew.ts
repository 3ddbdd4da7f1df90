/**
 * `matrix.devices.renew`: a device of its own for an account whose device was deleted,
 * belongs to another client (AUT-11), or has lost its keys. The account must be closed
 * meanwhile; the gateway sees to that.
 */
import { type ResolvedMatrixAccount, toOpenAccountOptions } from "../config/accounts.ts";
import type { Environment } from "../config/env.ts";
import { secretState } from "../config/secrets.ts";
import type { Native, OpenAccountOptions } from "../native/account.ts";
import { flag, type RawParams } from "./operation.ts";
import { failure } from "./outcome.ts";
import { secretParam } from "./secret-param.ts";

export const RENEW_METHOD = "matrix.devices.renew";

export interface RenewParams {
  password?: string;
  /** Also if the present device works. */
  force: boolean;
}

export interface RenewReport {
  accountId: string;
  userId: string;
  deviceId: string;
  formerDeviceId: string | null;
  /** The former device was this account's own, not another client's. */
  formerDeviceOwn: boolean;
  /** Where the former device's encryption store is now. */
  setAside: string | null;
  /** The configured accessToken is not used any more. */
  accessTokenRetired: boolean;
  /** Verifying the new device with the account's recovery key; not attempted without one. */
  verification: { attempted: boolean; success: boolean; error?: string };
}

export function renewParams(params: RawParams): RenewParams {
  return { password: secretParam(params, "password"), force: flag(params, "force") };
}

export async function renewDevice(
  native: Native,
  resolved: ResolvedMatrixAccount,
  host: { stateRoot: string; env: Environment },
  { password, force }: RenewParams,
): Promise<RenewReport> {
  const options = toOpenAccountOptions(resolved, host);
  const done = await native.renewDevice(options, { password, force });
  return {
    accountId: resolved.accountId,
    userId: done.identity.userId,
    deviceId: done.identity.deviceId,
    formerDeviceId: done.formerDevice ?? null,
    formerDeviceOwn: done.formerWasOwn,
    setAside: done.setAside ?? null,
    accessTokenRetired: done.tokenRetired,
    verification: await verify(native, options, resolved),
  };
}

/** The device is there, whatever comes of this. */
async function verify(native: Native, options: OpenAccountOptions, resolved: ResolvedMatrixAccount): Promise<RenewReport["verification"]> {
  if (!options.encryption) return { attempted: false, success: false };
  try {
    const account = await native.openAccount(options);
    try {
      const configured = secretState(resolved.config.recoveryKey);
      const key = (await account.recoveryKey()) ?? (configured.state === "available" ? configured.value : undefined);
      if (key === undefined) return { attempted: false, success: false };
      const { deviceOwnerVerified, error } = await account.recover(key);
      return { attempted: true, success: deviceOwnerVerified, ...(error === undefined ? {} : { error }) };
    } finally {
      await account.close();
    }
  } catch (error) {
    return { attempted: true, success: false, error: failure(error).error };
  }
}
