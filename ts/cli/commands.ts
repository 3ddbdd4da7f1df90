/** The commands of `openclaw matrix`; what they do is loaded when one is called. */
import type { CommandDeclaration } from "./declaration.ts";

/** What the words before a command's last one stand for. */
export const GROUPS: Readonly<Record<string, string>> = {
  verify: "Encryption and verification of this device",
};

export const COMMANDS: readonly CommandDeclaration[] = [
  {
    words: "verify status",
    summary: "Say whether this device is verified and how its encryption stands",
    flags: {
      "--include-recovery-key": "include the stored recovery key in --json output",
      "--allow-degraded-local-state": "report even if the homeserver cannot be asked",
    },
    load: async () => (await import("./verify.ts")).verifyStatus,
  },
];
