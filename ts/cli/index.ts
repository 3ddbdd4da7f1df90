/** `openclaw matrix …`. Declares the commands; what they do is loaded when one is called. */
import type { HostConfig } from "../config/accounts.ts";
import { createLazyRuntimeModule } from "../host/lazy.ts";
import type { CliProgram } from "../host/types.ts";
import type { CommandOutcome } from "./run.ts";

export interface CliHost {
  config: unknown;
  logger?: { error: (line: string) => void };
  /** Install folder of the plugin, for commands that open the account themselves. */
  rootDir?: string;
}

interface CommonOptions {
  account?: string;
  json?: boolean;
  verbose?: boolean;
}

const loadRun = createLazyRuntimeModule(() => import("./run.ts"));
const loadVerify = createLazyRuntimeModule(() => import("./verify.ts"));

/** The flags every command has (ACC-5). */
function common(command: CliProgram): CliProgram {
  return command
    .option("--account <id>", "account to act on (default: channels.matrix.defaultAccount)")
    .option("--json", "print one JSON document")
    .option("--verbose", "print every detail");
}

/** Runs a command's work and turns its outcome into output and exit code. */
async function perform(options: CommonOptions, work: () => Promise<CommandOutcome>): Promise<void> {
  const { finish } = await loadRun();
  await finish(options.json ?? false, work);
}

export function registerMatrixCli(program: CliProgram, host: CliHost): void {
  const matrix = program.command("matrix").description("Manage Matrix accounts, encryption, verification and devices");
  const verify = matrix.command("verify").description("Encryption and verification of this device");
  const cfg = host.config as HostConfig;

  common(verify.command("status"))
    .description("Say whether this device is verified and how its encryption stands")
    .option("--include-recovery-key", "include the stored recovery key in --json output")
    .option("--allow-degraded-local-state", "report even if the homeserver cannot be asked")
    .action(async (options: CommonOptions & { includeRecoveryKey?: boolean; allowDegradedLocalState?: boolean }) =>
      perform(options, async () => (await loadVerify()).verifyStatus({ cfg, rootDir: host.rootDir }, options)),
    );
}
