/** `openclaw matrix profile set`: on the homeserver first, then in the configuration, which the next start follows. */
import { editAccount, writtenPath } from "../config/edit.ts";
import { selectAccount } from "../config/select.ts";
import { configFile as hostConfigFile, type ConfigFile } from "../host/config-file.ts";
import { type ProfileReport, profileSet } from "../operations/profile.ts";
import { type CommandHost, type CommandOptions, type CommandOutcome, onGatewayOrAccount } from "./run.ts";

/** A picture may have to be fetched and uploaded. */
const PROFILE_MS = 180_000;

export interface ProfileOptions extends CommandOptions {
  name?: string;
  avatarUrl?: string;
}

export interface ProfileSetReport {
  accountId: string;
  displayName: string | null;
  avatarUrl: string | null;
  profile: ProfileReport;
  /** Where the account's keys stand in the configuration. */
  configPath: string;
}

export async function set(host: CommandHost, options: ProfileOptions, _args: string[] = [], file: ConfigFile = hostConfigFile): Promise<CommandOutcome> {
  const { name, avatarUrl } = profileSet.read({ name: options.name, avatarUrl: options.avatarUrl });
  const accountId = selectAccount(host.cfg, options.account);
  const profile = await onGatewayOrAccount<ProfileReport>(
    host,
    accountId,
    profileSet.method,
    { name, avatarUrl },
    (account, context) => profileSet.run(account, { name, avatarUrl }, context),
    PROFILE_MS,
  );
  const avatar = profile.resolvedAvatarUrl ?? avatarUrl;
  await file.edit((now) => editAccount(now, accountId, { ...(name !== undefined && { name }), ...(avatar !== undefined && { avatarUrl: avatar }) }));
  const report: ProfileSetReport = {
    accountId,
    displayName: name ?? null,
    avatarUrl: avatar ?? null,
    profile,
    configPath: writtenPath(await file.read(), accountId),
  };
  return { json: report, lines: profileLines(report), exitCode: 0 };
}

function profileLines({ displayName, avatarUrl, profile, configPath }: ProfileSetReport): string[] {
  const was = (updated: boolean) => (updated ? "changed" : "was so already");
  return [
    ...(displayName === null ? [] : [`Name: ${displayName} (${was(profile.displayNameUpdated)})`]),
    ...(avatarUrl === null ? [] : [`Picture: ${avatarUrl} (${was(profile.avatarUpdated)})${profile.convertedAvatarFromHttp ? ", uploaded to the homeserver" : ""}`]),
    `Saved under ${configPath}.`,
  ];
}
