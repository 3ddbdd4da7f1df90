/**
 * The objects inside `channels.matrix`: each strict, so that a mistyped key is
 * refused by its name and never silently without effect.
 */
import { z } from "zod";

const positive = z.number().int().positive();
const notNegative = z.number().int().nonnegative();

/** Entries of allowlists; numbers because hand-written JSON sometimes has them. */
export const entries = z.array(z.union([z.string(), z.number()]));

export const threadReplies = z.enum(["off", "inbound", "always"]);
export const replyToMode = z.enum(["off", "first", "all", "batched"]);
export const readReceipts = z.enum(["off", "private", "public"]);
/** Other bots of this configuration: never, always, or only when they mention us. */
export const allowBots = z.union([z.boolean(), z.literal("mentions")]);

export const markdown = z.strictObject({ tables: z.enum(["off", "bullets", "code", "block"]).optional() });

export const network = z.strictObject({ dangerouslyAllowPrivateNetwork: z.boolean().optional() });

/** At most `maxEventsPerWindow` bot messages in `windowSeconds`, then silence for `cooldownSeconds`. */
export const botLoopProtection = z.strictObject({
  enabled: z.boolean().optional(),
  maxEventsPerWindow: positive.optional(),
  windowSeconds: positive.optional(),
  cooldownSeconds: positive.optional(),
});

/** Where the agents' mention patterns count. */
export const mentionPatterns = z.strictObject({
  mode: z.enum(["allow", "deny"]).optional(),
  allowIn: z.array(z.string()).optional(),
  denyIn: z.array(z.string()).optional(),
});

export const streaming = z.strictObject(
  {
    mode: z.enum(["partial", "quiet", "progress", "off"]).optional(),
    chunkMode: z.enum(["length", "newline"]).optional(),
    block: z
      .strictObject({
        enabled: z.boolean().optional(),
        coalesce: z
          .strictObject({ minChars: positive.optional(), maxChars: positive.optional(), idleMs: notNegative.optional() })
          .optional(),
      })
      .optional(),
    progress: z
      .strictObject({
        label: z.union([z.string(), z.literal(false)]).optional(),
        labels: z.array(z.string()).optional(),
        maxLines: positive.optional(),
        maxLineChars: positive.optional(),
        toolProgress: z.boolean().optional(),
        commandText: z.enum(["raw", "status"]).optional(),
      })
      .optional(),
    preview: z.strictObject({ toolProgress: z.boolean().optional() }).optional(),
  },
  {
    error: (issue) =>
      issue.code === "invalid_type"
        ? 'is an object, for example {"mode":"partial"}; `openclaw doctor --fix` rewrites the older spelling'
        : undefined,
  },
);

/** Conversations bound to a session; times in hours, 0 switches the limit off. */
export const threadBindings = z.strictObject({
  enabled: z.boolean().optional(),
  idleHours: z.number().nonnegative().optional(),
  maxAgeHours: z.number().nonnegative().optional(),
  spawnSessions: z.boolean().optional(),
  defaultSpawnContext: z.enum(["isolated", "fork"]).optional(),
});

export const dm = z.strictObject({
  enabled: z.boolean().optional(),
  policy: z.enum(["pairing", "allowlist", "open", "disabled"]).optional(),
  allowFrom: entries.optional(),
  sessionScope: z.enum(["per-user", "per-room"]).optional(),
  threadReplies: threadReplies.optional(),
});

export const execApprovals = z.strictObject({
  enabled: z.union([z.boolean(), z.literal("auto")]).optional(),
  approvers: entries.optional(),
  agentFilter: z.array(z.string()).optional(),
  sessionFilter: z.array(z.string()).optional(),
  target: z.enum(["dm", "channel", "both"]).optional(),
});

/** Gates of the agent's message actions, by group. */
export const actions = z.strictObject({
  reactions: z.boolean().optional(),
  messages: z.boolean().optional(),
  pins: z.boolean().optional(),
  profile: z.boolean().optional(),
  memberInfo: z.boolean().optional(),
  channelInfo: z.boolean().optional(),
  verification: z.boolean().optional(),
  threads: z.boolean().optional(),
  files: z.boolean().optional(),
  search: z.boolean().optional(),
  stickers: z.boolean().optional(),
  rooms: z.boolean().optional(),
  moderation: z.boolean().optional(),
  presence: z.boolean().optional(),
});

/** What counts as a mention without naming the bot. */
export const implicitMentions = z.strictObject({
  replyToBot: z.boolean().optional(),
  quotedBot: z.boolean().optional(),
  threadParticipation: z.boolean().optional(),
});

/** Which devices and identities are believed, and what a changed one does. */
export const trust = z.strictObject({
  receive: z.enum(["any", "cross-signed"]).optional(),
  send: z.enum(["all", "cross-signed", "error-on-change"]).optional(),
  onIdentityChange: z.enum(["warn", "block"]).optional(),
  approvals: z.enum(["any", "verified"]).optional(),
});

export const undecryptable = z.strictObject({ retryHours: z.number().nonnegative().optional() });

/** Bounds of the gap filler: hours back, events a room. */
export const catchUp = z.strictObject({
  maxHours: z.number().nonnegative().optional(),
  maxEvents: notNegative.optional(),
});

/** One room, by id, alias or `*`. */
export const room = z.strictObject({
  requireMention: z.boolean().optional(),
  tools: z
    .strictObject({
      allow: z.array(z.string()).optional(),
      alsoAllow: z.array(z.string()).optional(),
      deny: z.array(z.string()).optional(),
    })
    .optional(),
  skills: z.array(z.string()).optional(),
  enabled: z.boolean().optional(),
  systemPrompt: z.string().optional(),
  account: z.string().optional(),
  allowBots: allowBots.optional(),
  botLoopProtection: botLoopProtection.optional(),
  autoReply: z.boolean().optional(),
  users: entries.optional(),
  threadReplies: threadReplies.optional(),
  streaming: streaming.optional(),
  replyToMode: replyToMode.optional(),
  historyLimit: notNegative.optional(),
  ackReaction: z.string().optional(),
  readReceipts: readReceipts.optional(),
});
