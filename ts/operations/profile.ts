/** `matrix.profile.set`: the name and picture that people see (PRF-1). */
import { MatrixError } from "../native/errors.ts";
import type { ProfileOutcome } from "../native/upkeep.ts";
import { operation, optionalText } from "./operation.ts";

export interface ProfileReport {
  displayNameUpdated: boolean;
  avatarUpdated: boolean;
  /** The picture's `mxc:` URI. */
  resolvedAvatarUrl: string | null;
  /** Where the uploaded picture came from; null if none was uploaded. */
  uploadedAvatarSource: "http" | null;
  convertedAvatarFromHttp: boolean;
}

export function profileReport(outcome: ProfileOutcome): ProfileReport {
  return {
    displayNameUpdated: outcome.displayNameUpdated,
    avatarUpdated: outcome.avatarUpdated,
    resolvedAvatarUrl: outcome.resolvedAvatarUrl ?? null,
    uploadedAvatarSource: outcome.convertedAvatar ? "http" : null,
    convertedAvatarFromHttp: outcome.convertedAvatar,
  };
}

export const profileSet = operation({
  method: "matrix.profile.set",
  read: (params) => {
    const wish = { name: optionalText(params, "name"), avatarUrl: optionalText(params, "avatarUrl") };
    if (wish.name === undefined && wish.avatarUrl === undefined) throw new MatrixError("config_invalid", "Give a name or a picture: --name or --avatar-url.");
    return wish;
  },
  run: async (account, { name, avatarUrl }): Promise<ProfileReport> => profileReport(await account.setProfile({ displayName: name, avatarUrl, refresh: true })),
});
