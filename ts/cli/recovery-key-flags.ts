/** Apart from what reads them: declarations load nothing. */
export const RECOVERY_KEY_FLAGS = {
  "--recovery-key-stdin": "read the account's recovery key from standard input",
  "--recovery-key <key>": "the account's recovery key; every process of this machine can read it, prefer --recovery-key-stdin",
} as const;
