/** What the way in needs from outside; the gateway provides it. */
import type { ResolvedMatrixAccount } from "../config/accounts.ts";
import type { Memory } from "../host/memory.ts";
import type { FinishedAnswer, OwedAnswer } from "../host/transcript.ts";
import type { ChannelLogSink, GetReplyOptions, OpenClawConfig, PluginRuntime, ReplyPayload } from "../host/types.ts";
import type { Account, InboundMessage, MediaInfo } from "../native/account.ts";
import type { Bursts } from "./burst.ts";
import type { DirectSessions } from "./collision.ts";
import type { DropLog } from "./drop.ts";
import type { PendingHistory } from "./history.ts";
import type { TakenFile } from "./media.ts";
import type { NameBook } from "./name-book.ts";
import type { Quotes } from "./quote.ts";
import type { ToldReactions } from "./reaction.ts";
import type { SkippedNotices } from "./skipped.ts";

/** Delivers what the agent says in one turn. */
export interface ReplySink {
  partial(text: string | undefined): void;
  deliver(payload: ReplyPayload, kind: "tool" | "block" | "final"): Promise<{ messageIds: string[]; visibleReplySent: boolean; content?: string }>;
  finish(again?: boolean): Promise<void>;
}

/** Shows what the agent does while it works. */
export interface WorkDisplay {
  /** What the host is to tell, and how. */
  options: Partial<GetReplyOptions>;
  toolStarted(payload: { itemId?: string; toolCallId?: string; name?: string; phase?: string; args?: Record<string, unknown>; detailMode?: "explain" | "raw" }): Promise<boolean> | boolean;
  assistantMessage(): void;
}

export interface ReplyPlan {
  sink: ReplySink;
  /** Absent where no draft is shown. */
  work?: WorkDisplay;
  /** Partial replies are shown. */
  streams: boolean;
  blockStreaming: boolean;
}

export interface InboundPorts {
  runtime: PluginRuntime;
  /** The host's configuration as it is now. */
  cfg: () => OpenClawConfig;
  /** The account's configuration as it is now. */
  resolved: () => ResolvedMatrixAccount;
  accountId: string;
  /** Where the account's keys stand: `channels.matrix` or `channels.matrix.accounts.<id>`. */
  path: string;
  account: Account;
  /** User ids of this gateway's other Matrix accounts. */
  bots: () => ReadonlySet<string>;
  /** Turns that failed in this process, by the event's row. */
  failures: Map<number, number>;
  reply: (turn: { roomId: string; threadRootId?: string; eventId: string; agentId: string }) => ReplyPlan;
  /** The answer the agent had finished for a message before the process ended. */
  finishedAnswer: (turn: { agentId: string; sessionKey: string; messageId: string }) => FinishedAnswer | undefined;
  /** Whether the host's delivery queue has given a delivery to the outbox. */
  queueDelivered: (deliveryId: string) => Promise<boolean>;
  /** What was sent in the place of deliveries that may stand in the host's queue, by their ids: the queue must not send it once more. */
  replaced: Map<string, { roomId: string; eventIds: readonly string[] }>;
  /** An answer to the message that the host keeps and has not delivered. */
  owedAnswer: (turn: { agentId: string; sessionKey: string; messageId: string }) => OwedAnswer | undefined;
  /** Whether the session has a run, be it one that the host resumes after a restart. */
  sessionRuns: (turn: { agentId: string; sessionKey: string }) => boolean;
  /** Whether nobody will answer a message that the host says it has had. */
  leftUnanswered: (turn: { agentId: string; sessionKey: string; messageId: string }) => boolean;
  /** Brings a file of a message to where the host reads it. */
  takeFile: (info: MediaInfo) => Promise<TakenFile>;
  /** The words in a recording, if the host can make them out. */
  transcribe: (file: TakenFile, turn: { agentId: string; sessionKey: string; roomId: string; eventId: string }) => Promise<string | undefined>;
  /** Messages that wait for more of the same question. */
  bursts: Bursts;
  history: PendingHistory;
  skipped: SkippedNotices;
  quotes: Quotes;
  reactions: ToldReactions;
  names: NameBook;
  /** Threads the account has spoken in. */
  threads: Memory;
  /** Notices that were given. */
  told: Memory;
  /** The direct messages each session was last used in. */
  directs: DirectSessions;
  drops: DropLog;
  log: ChannelLogSink;
  now: () => number;
}

/** How one event's turn tells how far it is. */
export interface TurnProgress {
  /** The host has taken the turn. */
  adopted: () => Promise<void>;
  /** The conversation's next message may go to the host. */
  released: () => void;
}

export type { InboundMessage };
