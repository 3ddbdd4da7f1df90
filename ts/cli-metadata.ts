/** Sidecar of the host's command line: the root command, and its subcommands once somebody asks for them. */
import { definePluginEntry, type OpenClawPluginApi } from "./host/plugin-entry.ts";

/** Registers `openclaw matrix`; everything behind it is loaded on use. */
export function registerMatrixCliMetadata(api: Pick<OpenClawPluginApi, "registerCli" | "rootDir">): void {
  api.registerCli(
    async ({ program, config, logger }) => {
      const { registerMatrixCli } = await import("./cli/index.ts");
      registerMatrixCli(program, { config, logger, rootDir: api.rootDir });
    },
    {
      descriptors: [
        { name: "matrix", description: "Manage Matrix accounts, encryption, verification and devices", hasSubcommands: true },
      ],
    },
  );
}

export default definePluginEntry({
  id: "matrix",
  name: "Matrix",
  description: "Matrix channel: rooms, direct messages, threads, end-to-end encryption",
  register: registerMatrixCliMetadata,
});
