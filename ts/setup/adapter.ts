/** `openclaw channels add --channel matrix …`: the host's way to the flags of `config/setup-input.ts`. */
import { normalizeAccountId } from "../config/accounts.ts";
import { accountKey, editAccount, IDENTITY_KEYS, LOGIN_KEYS } from "../config/edit.ts";
import { matrixSection } from "../config/section.ts";
import { applySetupInput, type SetupInput, setupInputProblem } from "../config/setup-input.ts";
import { type ChannelSetupAdapter, defineChannelSetupContract } from "../host/setup.ts";
import { setupFields } from "./fields.ts";

const adapter: ChannelSetupAdapter<SetupInput> = {
  resolveAccountId: ({ accountId, input }) => normalizeAccountId(accountId?.trim() || input?.name),
  applyAccountName: ({ cfg, accountId, name }) => (name?.trim() ? editAccount(cfg, accountId, { name: name.trim() }) : cfg),
  validateInput: ({ cfg, accountId, input }) => setupInputProblem(cfg, accountId, input),
  applyAccountConfig: ({ cfg, accountId, input }) => applySetupInput(cfg, accountId, input),
  // A second account: what made the top level an account moves with it, policies stay for all (WIZ-10).
  singleAccountKeysToMove: IDENTITY_KEYS,
  // Beside named accounts the rest may be what they have their homeserver from.
  namedAccountPromotionKeys: LOGIN_KEYS,
  resolveSingleAccountPromotionTarget: ({ channel }) => {
    const section = matrixSection({ channels: { matrix: channel } });
    const stated = section.defaultAccount && accountKey(section, normalizeAccountId(section.defaultAccount));
    if (stated) return stated;
    const keys = Object.keys(section.accounts ?? {});
    return keys.length === 1 ? keys[0] : undefined;
  },
};

/** The host's contract for setting the channel up without questions. */
export const setupContract = defineChannelSetupContract({ fields: setupFields, adapter });
