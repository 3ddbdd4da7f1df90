/**
 * What the host loads to list, describe, set up and audit the channel while it does not run, for
 * `openclaw security audit` among others. Never loads the addon.
 */
import { security } from "./gateway/security.ts";
import { matrixChannelBase } from "./setup/base.ts";

export default { plugin: { ...matrixChannelBase, security } };
