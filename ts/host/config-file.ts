/** The host's configuration file, read and written with the host's own care for includes, secrets and its `meta` block. */
import { mutateConfigFile, readConfigFileSnapshotForWrite } from "openclaw/plugin-sdk/config-mutation";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";

/** The configuration as it stands in the file, and how to change it. */
export interface ConfigFile {
  read: () => Promise<OpenClawConfig>;
  /**
   * Writes what `edit` makes of the configuration as it is at that moment.
   *
   * @returns the file's path
   */
  edit: (edit: (cfg: OpenClawConfig) => OpenClawConfig) => Promise<string>;
}

export const configFile: ConfigFile = {
  read: async () => (await readConfigFileSnapshotForWrite()).snapshot.sourceConfig,
  edit: async (edit) => {
    const written = await mutateConfigFile({
      afterWrite: { mode: "auto" },
      mutate: (draft) => {
        draft.channels = edit(draft).channels;
      },
    });
    return written.path;
  },
};
