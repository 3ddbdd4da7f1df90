/** `openclaw matrix migrate`: this plugin's device takes the place of the one the official plugin used (MIG-3). */
import { resolveMatrixAccount } from "../config/accounts.ts";
import { selectAccount } from "../config/select.ts";
import { resolveStateDir } from "../host/paths.ts";
import { encryptionSetupOperation, type SetupReport } from "../operations/bootstrap.ts";
import { backupRestoreOperation, type RestoreReport } from "../operations/verify-backup.ts";
import { type OfficialState, officialState, rowReader, tokenFolderName } from "./official-state.ts";
import { givenRecoveryKey, newRecoveryKeyLines, type RecoveryKeyOptions } from "./recovery-key.ts";
import { type CommandHost, type CommandOutcome, onGatewayOrAccount } from "./run.ts";
import { yesNo } from "./text.ts";
import { BOOTSTRAP_MS } from "./verify-bootstrap.ts";

/** Thousands of keys come a request each where the homeserver is slow. */
const RESTORE_MS = 600_000;

export interface MigrateReport {
  success: boolean;
  error?: string;
  code?: string;
  accountId: string;
  /** What the official plugin left; its recovery key is used and not shown. */
  former: Omit<OfficialState, "recoveryKey"> & { recoveryKeyStored: boolean };
  /** Null with `encryption: false`: then there is nothing but the configuration to take over. */
  setup: SetupReport | null;
  restored: RestoreReport | null;
}

/** @throws Error when there is nothing to take over, or the login is the official plugin's own */
async function formerState(host: CommandHost, accountId: string): Promise<OfficialState> {
  const stateRoot = host.stateRoot ?? resolveStateDir();
  const resolved = resolveMatrixAccount(host.cfg, accountId);
  const { DatabaseSync } = await import("node:sqlite");
  const found = officialState(stateRoot, accountId, resolved.userId, rowReader(DatabaseSync));
  if (!found) {
    const whose = resolved.userId === undefined ? "" : ` of ${resolved.userId}`;
    throw new Error(
      `The official plugin has left nothing${whose} for the account "${accountId}" below ${stateRoot}, so there is nothing to take over. ` +
        "Set encryption up with `openclaw matrix encryption setup`.",
    );
  }
  // Its keys cannot be moved, and two programs cannot share one device.
  if (resolved.encryption && resolved.accessToken !== undefined && found.folder.endsWith(tokenFolderName(resolved.accessToken))) {
    throw new Error(
      `The access token of the account "${accountId}" belongs to the device ${found.deviceId ?? "that the official plugin used"}, whose encryption keys cannot be taken along. ` +
        "Configure userId and password in its place, or a token of a new login; this plugin then has a device of its own. Then run this again.",
    );
  }
  return found;
}

export async function migrate(host: CommandHost, options: RecoveryKeyOptions, _args: string[] = []): Promise<CommandOutcome> {
  const given = await givenRecoveryKey(options);
  const accountId = selectAccount(host.cfg, options.account);
  const { recoveryKey: kept, ...former } = await formerState(host, accountId);
  const { encryption } = resolveMatrixAccount(host.cfg, accountId);
  const recoveryKey = given ?? kept;
  const params = { recoveryKey, forceResetCrossSigning: false, showNewRecoveryKey: !options.json };
  const setup = encryption
    ? await onGatewayOrAccount<SetupReport>(host, accountId, encryptionSetupOperation.method, params, (account, context) => encryptionSetupOperation.run(account, params, context), BOOTSTRAP_MS)
    : null;
  // The device is verified and has the backup's key: now what the official plugin could read can be read here.
  const restored =
    setup?.success && setup.status.backup.serverVersion !== null
      ? await onGatewayOrAccount<RestoreReport>(host, accountId, backupRestoreOperation.method, { recoveryKey }, (account, context) => backupRestoreOperation.run(account, { recoveryKey }, context), RESTORE_MS)
      : null;
  const failed = [setup, restored].find((step) => step?.success === false);
  const report: MigrateReport = {
    success: failed === undefined,
    ...(failed?.error === undefined ? {} : { error: failed.error, code: failed.code }),
    accountId,
    former: { ...former, recoveryKeyStored: kept !== undefined },
    setup,
    restored,
  };
  return { json: report, lines: migrateLines(report), exitCode: report.success ? 0 : 1 };
}

/** What was found, what was done, and what is left to a person. */
export function migrateLines({ success, error, former, setup, restored }: MigrateReport): string[] {
  const device = former.deviceId ?? "unknown";
  const needsKey = setup?.success === false && !former.recoveryKeyStored;
  return [
    ...(success ? [] : [`Not finished: ${error ?? "unknown"}`]),
    `Found: ${former.userId ?? "an account"}, device ${device}, recovery key kept: ${yesNo(former.recoveryKeyStored)}`,
    ...(needsKey ? ["Give the account's recovery key: `openclaw matrix migrate --recovery-key-stdin < recovery-key.txt`"] : []),
    ...(setup ? [`This plugin's device: ${setup.status.deviceId}`, `Device verified by owner: ${yesNo(setup.status.crossSigningVerified)}`] : []),
    ...(restored ? [`Room keys out of the backup: ${restored.imported} of ${restored.total}`] : []),
    ...(setup ? [] : ["Encryption is off for this account: the configuration is all there is to take over, and it is used as it is."]),
    ...(former.bindings > 0 ? [`Not taken over: ${former.bindings} conversations that were bound to sessions.`] : []),
    ...(success && setup && former.deviceId !== undefined && former.deviceId !== setup.status.deviceId
      ? [`The official plugin's device ${device} is still logged in. Sign it out in another client when you do not want to go back.`]
      : []),
    ...newRecoveryKeyLines(setup?.bootstrap.changed?.recoveryKeyCreated ?? false, setup?.bootstrap.recoveryKey),
  ];
}
