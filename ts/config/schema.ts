/**
 * `channels.matrix`, whole and strict. The manifest's JSON schema, by which the
 * host checks a configuration without loading the plugin, is generated from
 * this one (scripts/build/manifest.mjs). At run time the host has checked
 * already: what runs takes the types from here and nothing else.
 */
import { z } from "zod";
import * as field from "./fields.ts";
import { dotted } from "./key-path.ts";
import { referenceOnlySchema, type SecretInput, secretInputSchema } from "./secret-schema.ts";

/** Every key that may stand at the top level and in an account alike. */
const accountKeys = {
  name: z.string().optional(),
  enabled: z.boolean().optional(),
  configWrites: z.boolean().optional(),
  joinIntro: z.boolean().optional(),

  homeserver: z.string().optional(),
  network: field.network.optional(),
  /** The guide's spelling of `network.dangerouslyAllowPrivateNetwork` (WIZ-14). */
  allowPrivateNetwork: z.boolean().optional(),
  proxy: z.string().optional(),
  userId: z.string().optional(),
  accessToken: secretInputSchema.optional(),
  password: secretInputSchema.optional(),
  deviceId: z.string().optional(),
  deviceName: z.string().optional(),
  avatarUrl: z.string().optional(),
  initialSyncLimit: z.number().optional(),

  encryption: z.boolean().optional(),
  /** References only (SEC-3): see secrets.ts for the reason given to a person. */
  recoveryKey: referenceOnlySchema.optional(),
  storePassphrase: referenceOnlySchema.optional(),
  startupVerification: z.enum(["off", "if-unverified"]).optional(),
  startupVerificationCooldownHours: z.number().optional(),
  trust: field.trust.optional(),
  undecryptable: field.undecryptable.optional(),
  shareHistoryOnInvite: z.boolean().optional(),

  allowlistOnly: z.boolean().optional(),
  dangerouslyAllowNameMatching: z.boolean().optional(),
  dm: field.dm.optional(),
  groupPolicy: z.enum(["open", "disabled", "allowlist"]).optional(),
  groupAllowFrom: field.entries.optional(),
  groups: z.record(z.string(), field.room).optional(),
  /** Older name of `groups` (ACL-9). */
  rooms: z.record(z.string(), field.room).optional(),
  autoJoin: z.enum(["always", "allowlist", "off"]).optional(),
  autoJoinAllowlist: field.entries.optional(),
  autoJoinFrom: z.array(z.string()).optional(),
  allowBots: field.allowBots.optional(),
  botLoopProtection: field.botLoopProtection.optional(),
  respondToNotices: z.boolean().optional(),
  mentionPatterns: field.mentionPatterns.optional(),
  implicitMentions: field.implicitMentions.optional(),
  contextVisibility: z.enum(["all", "allowlist", "allowlist_quote"]).optional(),
  historyLimit: z.number().int().nonnegative().optional(),
  catchUp: field.catchUp.optional(),
  editMode: z.enum(["ignore", "update", "tell"]).optional(),

  markdown: field.markdown.optional(),
  streaming: field.streaming.optional(),
  replyToMode: field.replyToMode.optional(),
  threadReplies: field.threadReplies.optional(),
  threadBindings: field.threadBindings.optional(),
  textChunkLimit: z.number().optional(),
  responsePrefix: z.string().optional(),
  mediaMaxMb: z.number().optional(),
  ackReaction: z.string().optional(),
  ackReactionScope: z.enum(["group-mentions", "group-all", "direct", "all", "none", "off"]).optional(),
  reactionNotifications: z.enum(["off", "own"]).optional(),
  reactionTrigger: z.enum(["off", "own"]).optional(),
  readReceipts: field.readReceipts.optional(),
  presence: z.enum(["off", "online", "unavailable"]).optional(),

  execApprovals: field.execApprovals.optional(),
  actions: field.actions.optional(),
};

/** One entry of `channels.matrix.accounts`. */
export const matrixAccountSchema = z.strictObject(accountKeys);

/** `channels.matrix`. */
export const matrixConfigSchema = z.strictObject({
  ...accountKeys,
  defaultAccount: z.string().optional(),
  accounts: z.record(z.string(), matrixAccountSchema).optional(),
});

/** One entry of `groups`. */
export type MatrixRoomConfig = z.infer<typeof field.room>;

/**
 * An account's keys. The two reference-only secrets are strings by the time the
 * host hands the configuration over.
 */
export type MatrixAccountConfig = Omit<z.infer<typeof matrixAccountSchema>, "recoveryKey" | "storePassphrase"> & {
  recoveryKey?: SecretInput;
  storePassphrase?: SecretInput;
};

export type MatrixChannelConfig = MatrixAccountConfig & {
  defaultAccount?: string;
  accounts?: Record<string, MatrixAccountConfig>;
};

/** The outcome of checking a configuration as it is written in the file. */
export type ParsedMatrixConfig = { ok: true; config: MatrixChannelConfig } | { ok: false; problems: string[] };

/** Checks `channels.matrix` as written; every problem names its key. */
export function parseMatrixConfig(value: unknown): ParsedMatrixConfig {
  const result = matrixConfigSchema.safeParse(value);
  if (result.success) return { ok: true, config: result.data };
  return { ok: false, problems: result.error.issues.flatMap((issue) => describe(issue, ["channels", "matrix"])) };
}

function describe(issue: z.core.$ZodIssue, prefix: readonly PropertyKey[]): string[] {
  const at = [...prefix, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `${dotted([...at, key])}: unknown key; check the spelling, or remove it`);
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    // The alternative that got furthest is the one the person meant.
    const meant = issue.errors.reduce((best, one) => (depth(one) > depth(best) ? one : best));
    if (depth(meant) > 0) return meant.flatMap((inner) => describe(inner, at));
  }
  return [`${dotted(at)}: ${issue.message}`];
}

function depth(issues: readonly z.core.$ZodIssue[]): number {
  return Math.max(0, ...issues.map((issue) => issue.path.length + (issue.code === "unrecognized_keys" ? 1 : 0)));
}
