/** `openclaw matrix devices renew`: a device of its own for the account; what the configuration says of the former one is taken out. */
import { type HostConfig, resolveMatrixAccount } from "../config/accounts.ts";
import { editAccount, writtenAccount, writtenPath } from "../config/edit.ts";
import { processEnvironment } from "../config/env.ts";
import { selectAccount } from "../config/select.ts";
import { accountStateDir } from "../config/state.ts";
import { configFile as hostConfigFile, type ConfigFile } from "../host/config-file.ts";
import { resolveStateDir } from "../host/paths.ts";
import { renewDevice, RENEW_METHOD, type RenewReport } from "../operations/renew.ts";
import { givenPassword, type PasswordOptions } from "./devices.ts";
import { type CommandHost, type CommandOutcome, lockedBy, onGatewayOr, ownNative } from "./run.ts";

/** Closing, logging in, a first sync and the recovery key. */
const RENEW_MS = 240_000;

export interface RenewOptions extends PasswordOptions {
  yes?: boolean;
}

export interface RenewedReport extends RenewReport {
  /** Where the account's keys stand in the configuration. */
  configPath: string;
  configChanged: boolean;
}

export async function renew(host: CommandHost, options: RenewOptions, _args: string[] = [], file: ConfigFile = hostConfigFile): Promise<CommandOutcome> {
  const params = { password: await givenPassword(options), force: options.yes ?? false };
  const accountId = selectAccount(host.cfg, options.account);
  const report = await onGatewayOr<RenewReport>(
    host,
    accountId,
    RENEW_METHOD,
    params,
    async (accountId) => {
      const native = ownNative(host);
      const stateRoot = host.stateRoot ?? resolveStateDir();
      try {
        return await renewDevice(native, resolveMatrixAccount(host.cfg, accountId), { stateRoot, env: processEnvironment() }, params);
      } catch (error) {
        throw await lockedBy(error, native, accountStateDir(stateRoot, accountId), accountId);
      }
    },
    RENEW_MS,
  );
  const changes = await cleanUp(report, file);
  const json: RenewedReport = { ...report, configPath: changes.path, configChanged: changes.keys.length > 0 };
  return { json, lines: [...renewLines(report), ...changes.lines], exitCode: 0 };
}

/** The file names neither the token nor the device that is not used any more. */
async function cleanUp(report: RenewReport, file: ConfigFile): Promise<{ path: string; keys: string[]; lines: string[] }> {
  const { accountId, userId, deviceId } = report;
  const obsolete = (cfg: HostConfig) => {
    const { accessToken, deviceId: stated } = writtenAccount(cfg, accountId);
    return [report.accessTokenRetired && accessToken !== undefined && "accessToken", stated !== undefined && stated !== deviceId && "deviceId"].filter((key) => key !== false);
  };
  const now = await file.read();
  const path = writtenPath(now, accountId);
  const keys = obsolete(now);
  if (keys.length > 0) {
    await file.edit((cfg) => editAccount(cfg, accountId, { ...Object.fromEntries(obsolete(cfg).map((key) => [key, undefined])), userId }));
    return { path, keys, lines: [`Changed: ${keys.map((key) => `${path}.${key}`).join(" and ")} taken out; the login stands in the account's folder now.`] };
  }
  const elsewhere = report.accessTokenRetired ? [`Next: the accessToken that stands outside ${path} (in the environment?) is not used any more; take it out.`] : [];
  return { path, keys, lines: elsewhere };
}

function renewLines(report: RenewReport): string[] {
  const { accountId, formerDeviceId: former, verification } = report;
  const verified = verification.success
    ? ["Verified: yes, with the account's recovery key."]
    : verification.attempted
      ? [`Verified: no. ${verification.error ?? "The recovery key did not do it."}`]
      : ["Verified: no, this account keeps no recovery key."];
  return [
    former === null ? `${report.userId} has the device ${report.deviceId} now.` : `${report.userId} has the device ${report.deviceId} now, in place of ${former}.`,
    ...verified,
    ...(verification.success ? [] : [`Next: \`openclaw matrix verify device --recovery-key-stdin --account ${accountId}\`, or \`openclaw matrix encryption setup --account ${accountId}\` if nothing was set up yet.`]),
    ...(report.setAside === null ? [] : [`The former device's encryption store is in ${report.setAside}; delete it when you are sure.`]),
    ...(former !== null && !report.formerDeviceOwn ? [`${former} belongs to another client and was left as it is.`] : []),
  ];
}
