/** `openclaw matrix encryption setup`: the account's encryption, from whatever state, and `encryption: true` in the configuration. */
import { isDeepStrictEqual } from "node:util";
import { editAccount, writtenAccount, writtenPath } from "../config/edit.ts";
import { selectAccount } from "../config/select.ts";
import { configFile as hostConfigFile, type ConfigFile } from "../host/config-file.ts";
import { encryptionSetupOperation, type SetupReport } from "../operations/bootstrap.ts";
import { untilApproved } from "./approval.ts";
import { type CommandHost, type CommandOutcome, onGatewayOrAccount } from "./run.ts";
import { BOOTSTRAP_MS, bootstrapLines, type BootstrapOptions, bootstrapParams } from "./verify-bootstrap.ts";

export interface EncryptionSetupReport extends SetupReport {
  accountId: string;
  /** Where the account's keys stand in the configuration. */
  configPath: string;
  encryptionChanged: boolean;
}

/** Codes after which `encryption: true` would keep the account from starting. */
const NOT_FOR_ENCRYPTION: ReadonlySet<string> = new Set(["device_in_use", "account_mismatch", "config_invalid"]);

export async function encryptionSetup(
  host: CommandHost,
  options: BootstrapOptions,
  _args: string[] = [],
  file: ConfigFile = hostConfigFile,
): Promise<CommandOutcome> {
  const params = await bootstrapParams(options);
  const accountId = selectAccount(host.cfg, options.account);
  const before = await file.read();
  const written = structuredClone(writtenAccount(before, accountId));
  // Without a gateway the account is opened here, as it will be once the configuration says so.
  const asSetUp = { ...host, cfg: editAccount(host.cfg, accountId, { encryption: true }) };
  const ask = () =>
    onGatewayOrAccount<SetupReport>(
      asSetUp,
      accountId,
      encryptionSetupOperation.method,
      { ...params },
      (account, context) => encryptionSetupOperation.run(account, params, context),
      BOOTSTRAP_MS,
    );
  const done = await untilApproved(ask, options.json ?? false, host.waiting);
  const needed = host.cfg.channels?.matrix !== undefined && written.encryption !== true;
  const encryptionChanged = needed && !NOT_FOR_ENCRYPTION.has(done.code ?? "");
  // What was asked of the homeserver is over: a gateway that reloads now disturbs nothing.
  if (encryptionChanged) {
    await file.edit((now) => {
      if (!isDeepStrictEqual(writtenAccount(now, accountId), written)) {
        throw new Error(
          `The configuration of account "${accountId}" changed while this ran; it is left as it is now. ` +
            `Look at ${writtenPath(now, accountId)}, then run this again.`,
        );
      }
      return editAccount(now, accountId, { encryption: true });
    });
  }
  const report: EncryptionSetupReport = {
    success: done.success,
    ...(done.error === undefined ? {} : { error: done.error, code: done.code }),
    accountId,
    configPath: writtenPath(before, accountId),
    encryptionChanged,
    bootstrap: done.bootstrap,
    status: done.status,
  };
  return {
    json: report,
    lines: [
      ...(encryptionChanged ? [`Switched on: ${report.configPath}.encryption is true now; a running gateway takes it over by itself.`] : []),
      ...bootstrapLines(done.bootstrap, options.verbose ?? false),
    ],
    exitCode: done.success ? 0 : 1,
  };
}
