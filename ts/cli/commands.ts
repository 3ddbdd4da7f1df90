/** The commands of `openclaw matrix`; what they do is loaded when one is called. */
import type { CommandDeclaration } from "./declaration.ts";
import { ACCOUNT_FLAGS, PASSWORD_FLAG } from "./login-flags.ts";
import { RECOVERY_KEY_FLAGS } from "./recovery-key-flags.ts";

/** What the words before a command's last one stand for. */
export const GROUPS: Readonly<Record<string, string>> = {
  account: "The Matrix accounts of this configuration",
  devices: "The devices of the account's user",
  direct: "Where direct messages to a person go",
  profile: "The name and picture that people see",
  encryption: "The account's end-to-end encryption",
  verify: "Encryption and verification of this device",
  "dead-letters": "Messages whose answer failed for good",
  outbox: "Messages that are not sent",
  invites: "Rooms the account is asked into",
  rooms: "Rooms the account is in",
  "verify backup": "The account's room-key backup",
};

const FORCE = {
  "--force-reset-cross-signing": "make a new cross-signing identity even though there is one; all other devices have to verify again",
} as const;

const VERIFICATION_FLAGS = {
  "--user-id <mxid>": "with --room-id: the newest one with this user in this room, if none has that id",
  "--room-id <id>": "see --user-id",
} as const;

export const COMMANDS: readonly CommandDeclaration[] = [
  {
    words: "encryption setup",
    summary: "Set end-to-end encryption up, from whatever state the account is in, and switch it on",
    flags: { ...RECOVERY_KEY_FLAGS, ...FORCE },
    failure: "success",
    load: async () => (await import("./encryption-setup.ts")).encryptionSetup,
  },
  {
    words: "verify status",
    summary: "Say whether this device is verified and how its encryption stands",
    flags: {
      "--include-recovery-key": "include the stored recovery key in --json output",
      "--allow-degraded-local-state": "report even if the homeserver cannot be asked",
    },
    load: async () => (await import("./verify.ts")).verifyStatus,
  },
  {
    words: "dead-letters list",
    summary: "List the messages whose answer failed for good, with the cause",
    load: async () => (await import("./dead-letters.ts")).list,
  },
  {
    words: "dead-letters show <id>",
    summary: "Show one of them with its text",
    load: async () => (await import("./dead-letters.ts")).show,
  },
  {
    words: "dead-letters resubmit [ids...]",
    summary: "Have them answered again",
    flags: { "--all": "all that there are" },
    load: async () => (await import("./dead-letters.ts")).resubmit,
  },
  {
    words: "dead-letters drop [ids...]",
    summary: "Forget them unanswered",
    flags: { "--all": "all that there are" },
    load: async () => (await import("./dead-letters.ts")).drop,
  },
  {
    words: "outbox list",
    summary: "List the messages that are not sent, and why",
    load: async () => (await import("./outbox.ts")).list,
  },
  {
    words: "outbox retry [ids...]",
    summary: "Send again what was given up, and at once what waits",
    flags: { "--all": "all that there are" },
    load: async () => (await import("./outbox.ts")).retry,
  },
  {
    words: "outbox drop [ids...]",
    summary: "Give messages up for good",
    flags: { "--all": "all that there are" },
    load: async () => (await import("./outbox.ts")).drop,
  },
  {
    words: "explain",
    summary: "Say which rule lets a user's messages in a room through or stops them, and what to change",
    flags: { "--room <room>": "room id (!…) or alias (#…:server)", "--user <id>": "full user id, @user:server" },
    load: async () => (await import("./explain.ts")).explain,
  },
  {
    words: "invites list",
    summary: "List the invites that wait for an answer",
    load: async () => (await import("./invites.ts")).list,
  },
  {
    words: "invites accept <room>",
    summary: "Join a room the account is invited to",
    load: async () => (await import("./invites.ts")).accept,
  },
  {
    words: "invites reject <room>",
    summary: "Turn an invite down",
    load: async () => (await import("./invites.ts")).reject,
  },
  {
    words: "rooms leave <room>",
    summary: "Leave a room",
    load: async () => (await import("./invites.ts")).leave,
  },
  {
    words: "verify list",
    summary: "List the verifications with other devices and users",
    load: async () => (await import("./verification.ts")).list,
  },
  {
    words: "verify self",
    summary: "Verify this device with another one of the account: compare emoji here, or scan a code",
    flags: {
      "--timeout-ms <ms>": "how long another device may take to answer (default: 180000)",
      "--qr": "draw a code that the other device scans",
    },
    load: async () => (await import("./verify-self.ts")).verifySelf,
  },
  {
    words: "verify request",
    summary: "Ask another device of the account, or another user, to verify with this one",
    flags: {
      "--own-user": "ask this account's other devices",
      "--user-id <mxid>": "ask this user, in the direct message with them unless told otherwise",
      "--device-id <id>": "ask this device of theirs",
      "--room-id <id>": "ask in this room",
    },
    load: async () => (await import("./verification.ts")).request,
  },
  {
    words: "verify accept <id>",
    summary: "Accept a request",
    flags: VERIFICATION_FLAGS,
    load: async () => (await import("./verification.ts")).accept,
  },
  {
    words: "verify start <id>",
    summary: "Begin to compare emoji",
    flags: VERIFICATION_FLAGS,
    load: async () => (await import("./verification.ts")).start,
  },
  {
    words: "verify sas <id>",
    summary: "Show the emoji and numbers to compare",
    flags: VERIFICATION_FLAGS,
    load: async () => (await import("./verification.ts")).sas,
  },
  {
    words: "verify confirm-sas <id>",
    summary: "Say that both sides show the same",
    flags: VERIFICATION_FLAGS,
    load: async () => (await import("./verification.ts")).confirmSas,
  },
  {
    words: "verify mismatch-sas <id>",
    summary: "Say that they differ",
    flags: VERIFICATION_FLAGS,
    load: async () => (await import("./verification.ts")).mismatchSas,
  },
  {
    words: "verify cancel <id>",
    summary: "End a verification, or refuse a request",
    flags: { ...VERIFICATION_FLAGS, "--reason <text>": "what the other side is told", "--code <code>": "the cancel code (default: m.user)" },
    load: async () => (await import("./verification.ts")).cancel,
  },
  {
    words: "verify arm",
    summary: "Accept anybody's request to verify for a while; you still compare what both sides show",
    flags: { "--for <time>": "for how long, like 10m", "--off": "end it now" },
    load: async () => (await import("./verification.ts")).arm,
  },
  {
    words: "verify bootstrap",
    summary: "Make or repair secret storage, cross-signing, this device's signature and the backup",
    flags: { ...RECOVERY_KEY_FLAGS, ...FORCE },
    failure: "success",
    load: async () => (await import("./verify-bootstrap.ts")).verifyBootstrap,
  },
  {
    words: "verify device [key]",
    summary: "Verify this device with the account's recovery key",
    flags: { "--recovery-key-stdin": RECOVERY_KEY_FLAGS["--recovery-key-stdin"] },
    failure: "success",
    load: async () => (await import("./verify-device.ts")).verifyDevice,
  },
  {
    words: "verify acknowledge <user-id>",
    summary: "Accept somebody's identity after it has changed",
    failure: "success",
    load: async () => (await import("./verify-acknowledge.ts")).verifyAcknowledge,
  },
  {
    words: "verify backup status",
    summary: "Say how the room-key backup stands, and what to do about it",
    load: async () => (await import("./verify-backup.ts")).verifyBackupStatus,
  },
  {
    words: "verify backup restore",
    summary: "Take all room keys out of the backup",
    flags: RECOVERY_KEY_FLAGS,
    failure: "success",
    load: async () => (await import("./verify-backup.ts")).verifyBackupRestore,
  },
  {
    words: "verify backup reset",
    summary: "Begin a new backup; what only the present one holds is lost",
    flags: {
      "--yes": "yes, the present backup may go",
      "--rotate-recovery-key": "make a new recovery key, too; the present one opens nothing any more",
    },
    failure: "success",
    load: async () => (await import("./verify-backup.ts")).verifyBackupReset,
  },
  {
    words: "migrate",
    summary: "Take an account over from the official plugin: a verified device in place of its own, and its room keys",
    flags: RECOVERY_KEY_FLAGS,
    failure: "success",
    load: async () => (await import("./migrate.ts")).migrate,
  },
  {
    words: "account add",
    summary: "Add an account: log in, write the configuration, and set up what is wanted",
    flags: ACCOUNT_FLAGS,
    load: async () => (await import("./account-add.ts")).add,
  },
  {
    words: "devices list",
    summary: "List the devices of the account's user, and which one this account is",
    load: async () => (await import("./devices.ts")).list,
  },
  {
    words: "devices prune-stale",
    summary: "Delete the devices that earlier gateways left behind: those named \"OpenClaw …\" that are not in use",
    flags: PASSWORD_FLAG,
    load: async () => (await import("./devices.ts")).pruneStale,
  },
  {
    words: "devices renew",
    summary: "Give the account a device of its own, in place of one that was deleted or is another client's",
    flags: { ...PASSWORD_FLAG, "--yes": "yes, even though the present device works" },
    load: async () => (await import("./renew.ts")).renew,
  },
  {
    words: "direct inspect",
    summary: "Say which rooms serve as a direct message with a person, and which one is in use",
    flags: { "--user-id <id>": "the person, like @alice:example.org" },
    load: async () => (await import("./direct.ts")).inspect,
  },
  {
    words: "direct repair",
    summary: "Put the room that works at the head of the person's list; no room is left",
    flags: { "--user-id <id>": "the person, like @alice:example.org" },
    load: async () => (await import("./direct.ts")).repair,
  },
  {
    words: "profile set",
    summary: "Set the name and picture that people see",
    flags: { "--name <name>": "the name", "--avatar-url <url>": "the picture: an https: URL, which is uploaded, or an mxc: URI" },
    load: async () => (await import("./profile.ts")).set,
  },
];
