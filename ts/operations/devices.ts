/** `matrix.devices.…`: the devices of the account's user. */
import type { Account } from "../native/account.ts";
import { isMatrixError, type MatrixErrorCode } from "../native/errors.ts";
import type { OwnDevice } from "../native/upkeep.ts";
import { noParams, operation } from "./operation.ts";
import { failure } from "./outcome.ts";
import { secretParam } from "./secret-param.ts";

/** As `devices list --json` prints it. */
export interface DeviceReport {
  deviceId: string;
  displayName: string | null;
  lastSeenIp: string | null;
  /** Milliseconds since the Unix epoch. */
  lastSeenTs: number | null;
  current: boolean;
}

export interface PruneReport {
  before: DeviceReport[];
  staleGatewayDeviceIds: string[];
  currentDeviceId: string | null;
  deletedDeviceIds: string[];
  remainingDevices: DeviceReport[];
  /** Why some of them are still there, and what to do. */
  error?: string;
  code?: MatrixErrorCode;
}

function report(device: OwnDevice): DeviceReport {
  return {
    deviceId: device.deviceId,
    displayName: device.displayName ?? null,
    lastSeenIp: device.lastSeenIp ?? null,
    lastSeenTs: device.lastSeenTs ?? null,
    current: device.current,
  };
}

/** Devices that a gateway left behind: named as a gateway names its devices, and not the one in use. */
export function staleDevices<D extends { deviceId: string; displayName?: string | null; current: boolean }>(devices: readonly D[]): string[] {
  return devices.filter((device) => !device.current && device.displayName?.startsWith("OpenClaw ")).map((device) => device.deviceId);
}

async function list(account: Account): Promise<DeviceReport[]> {
  return (await account.devices()).map(report);
}

/** These would be the same for each device; any other may be one device's trouble. */
const FOR_ALL = ["auth_failed", "auth_expired", "approval_required", "closed", "network", "timeout"] as const;

/** Deletes what can be deleted; the first trouble. */
async function deleteAll(account: Account, ids: string[], password: string | undefined): Promise<unknown> {
  try {
    await account.deleteDevices(ids, password);
    return undefined;
  } catch (error) {
    if (ids.length === 1 || isMatrixError(error, ...FOR_ALL)) return error;
  }
  let first: unknown;
  for (const id of ids) {
    try {
      await account.deleteDevices([id], password);
    } catch (error) {
      first ??= error;
    }
  }
  return first;
}

export const devicesList = operation({ method: "matrix.devices.list", read: noParams, run: list });

export const devicesPrune = operation({
  method: "matrix.devices.prune",
  read: (params) => ({ password: secretParam(params, "password") }),
  run: async (account, { password }, { resolved }): Promise<PruneReport> => {
    const before = await list(account);
    const stale = staleDevices(before);
    const trouble = stale.length === 0 ? undefined : await deleteAll(account, stale, password ?? resolved.password);
    const remaining = stale.length === 0 ? before : await list(account);
    const left = stale.filter((id) => remaining.some((device) => device.deviceId === id));
    const { error, code } = failure(trouble);
    const hint = code === "auth_failed" && password === undefined ? " Or pipe the password in with --password-stdin." : "";
    return {
      before,
      staleGatewayDeviceIds: stale,
      currentDeviceId: before.find((device) => device.current)?.deviceId ?? null,
      deletedDeviceIds: stale.filter((id) => !left.includes(id)),
      remainingDevices: remaining,
      ...(left.length === 0 ? {} : { error: `Not deleted: ${left.join(", ")}. ${sentence(trouble === undefined ? "The homeserver still lists them" : (error ?? ""))}${hint}`, code }),
    };
  },
});

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
