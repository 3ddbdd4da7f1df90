/** `openclaw matrix …`. */
import type { HostConfig } from "../config/accounts.ts";
import type { CliProgram } from "../host/types.ts";
import { COMMANDS, GROUPS } from "./commands.ts";
import { declareCommands } from "./declaration.ts";

export interface CliHost {
  config: unknown;
  logger?: { error: (line: string) => void };
  /** Install folder of the plugin, for commands that open the account themselves. */
  rootDir?: string;
}

export function registerMatrixCli(program: CliProgram, host: CliHost): void {
  const matrix = program.command("matrix").description("Manage Matrix accounts, encryption, verification and devices");
  declareCommands(matrix, GROUPS, COMMANDS, { cfg: host.config as HostConfig, rootDir: host.rootDir });
}
