/** `openclaw matrix devices list` and `prune-stale`. */
import { type DeviceReport, devicesList, devicesPrune } from "../operations/devices.ts";
import { accountCommand } from "./account-command.ts";
import { secretOption } from "./options.ts";
import type { CommandOptions } from "./run.ts";
import { moment, table } from "./text.ts";

export interface PasswordOptions extends CommandOptions {
  passwordStdin?: boolean;
}

/** A password that never was in the process list. */
export function givenPassword({ passwordStdin }: PasswordOptions): Promise<string | undefined> {
  return secretOption({ stdin: passwordStdin, flag: "a password", stdinFlag: "--password-stdin" });
}

/** Deleting devices one by one takes a request each. */
const PRUNE_MS = 120_000;

function deviceTable(devices: readonly DeviceReport[], verbose: boolean): string[] {
  const headings = ["Device", "Name", "Last seen", "", ...(verbose ? ["Address"] : [])];
  return table(
    headings,
    devices.map((device) => [
      device.deviceId,
      device.displayName ?? "",
      device.lastSeenTs === null ? "?" : moment(device.lastSeenTs),
      device.current ? "this account" : "",
      ...(verbose ? [device.lastSeenIp ?? "?"] : []),
    ]),
  );
}

export const list = accountCommand({
  operation: devicesList,
  params: () => ({}),
  lines: (devices, options: CommandOptions) => deviceTable(devices, options.verbose ?? false),
});

export const pruneStale = accountCommand({
  operation: devicesPrune,
  params: async (options: PasswordOptions) => ({ password: await givenPassword(options) }),
  timeoutMs: () => PRUNE_MS,
  lines: (report, options) => {
    const { staleGatewayDeviceIds: stale, deletedDeviceIds: deleted } = report;
    return [
      stale.length === 0 ? "Nothing to delete: no other device is named \"OpenClaw …\"." : `Deleted ${deleted.length} of ${stale.length} stale device(s)${deleted.length > 0 ? `: ${deleted.join(", ")}` : ""}`,
      ...(report.error === undefined ? [] : [report.error]),
      "",
      "What is there now:",
      ...deviceTable(report.remainingDevices, options.verbose ?? false),
    ];
  },
  exitCode: (report) => (report.error === undefined ? 0 : 1),
});
