/** What the host loads to list, describe and set up the channel while it does not run. Never loads the addon. */
import { matrixChannelBase } from "./setup/base.ts";

export default { plugin: matrixChannelBase };
