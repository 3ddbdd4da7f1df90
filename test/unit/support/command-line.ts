/** `openclaw matrix …` on the host's own command-line library, in this process. */
import { createRequire } from "node:module";
import { type CliHost, registerMatrixCli } from "../../../ts/cli/index.ts";
import type { CliProgram } from "../../../ts/host/types.ts";

/** The library the host parses command lines with. */
export function hostProgram(): CliProgram {
  const ofHost = createRequire(createRequire(import.meta.url).resolve("openclaw/plugin-sdk/channel-core"));
  const { Command } = ofHost("commander") as { Command: new () => CliProgram };
  return new Command().name("openclaw").exitOverride();
}

/** The program with the plugin's commands. */
export function matrixProgram(host: CliHost): CliProgram {
  const program = hostProgram();
  registerMatrixCli(program, host);
  return program;
}
