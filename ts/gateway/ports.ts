/** Wires the way in to the account, the host and the way out. */
import { type ResolvedMatrixAccount, roomConfig } from "../config/accounts.ts";
import type { ChannelLogSink, OpenClawConfig, PluginRuntime } from "../host/types.ts";
import type { Memory } from "../host/memory.ts";
import { finishedAnswer, leftUnanswered, owedAnswer, sessionRuns } from "../host/transcript.ts";
import { mediaMaxBytes } from "../config/media.ts";
import { Bursts } from "../inbound/burst.ts";
import { DirectSessions } from "../inbound/collision.ts";
import { DropLog } from "../inbound/drop.ts";
import { PendingHistory } from "../inbound/history.ts";
import { mediaFacts } from "../inbound/media.ts";
import { NameBook } from "../inbound/name-book.ts";
import type { InboundPorts } from "../inbound/ports.ts";
import { Quotes } from "../inbound/quote.ts";
import { ToldReactions } from "../inbound/reaction.ts";
import { SkippedNotices } from "../inbound/skipped.ts";
import { turnKey } from "../inbound/turn-key.ts";
import type { Account } from "../native/account.ts";
import { takeFile } from "../native/take-file.ts";
import { deliveryKey } from "../outbound/adapter.ts";
import { isStored } from "../outbound/draft.ts";
import { TurnReply } from "../outbound/reply.ts";
import { writeSettings } from "../outbound/settings.ts";
import { WorkLines } from "../outbound/work.ts";
import type { HostFiles } from "./host-files.ts";
import { runningAccount } from "./registry.ts";

export interface WiringInput {
  accountId: string;
  account: Account;
  runtime: PluginRuntime;
  cfg: () => OpenClawConfig;
  resolved: () => ResolvedMatrixAccount;
  path: string;
  bots: () => ReadonlySet<string>;
  log: ChannelLogSink;
  onOutbound: (at: number) => void;
  memories: { threads: Memory; told: Memory };
  files: HostFiles;
}

export function createPorts(input: WiringInput): InboundPorts {
  const { account, accountId, runtime, resolved, log } = input;
  // A turn may outlive this account's start: its answer goes out through the account as it runs then.
  const current = () => runningAccount(accountId)?.account ?? account;
  const names = new NameBook(account);
  return {
    runtime,
    cfg: input.cfg,
    resolved,
    accountId,
    path: input.path,
    account,
    bots: input.bots,
    bursts: new Bursts(),
    history: new PendingHistory(),
    skipped: new SkippedNotices(),
    failures: new Map(),
    quotes: new Quotes(account),
    reactions: new ToldReactions(),
    names,
    threads: input.memories.threads,
    told: input.memories.told,
    directs: new DirectSessions(),
    drops: new DropLog(accountId, log),
    log,
    now: Date.now,
    finishedAnswer: (turn) => finishedAnswer(turn, { runtime, cfg: input.cfg() }),
    queueDelivered: async (deliveryQueueId) => isStored(await account.outboxEntry(deliveryKey({ deliveryQueueId, deliveryPartIndex: 0 }))),
    replaced: new Map(),
    owedAnswer: (turn) => owedAnswer(turn, { runtime, cfg: input.cfg() }),
    sessionRuns: (turn) => sessionRuns(turn, { runtime, cfg: input.cfg() }),
    leftUnanswered: (turn) => leftUnanswered(turn, { runtime, cfg: input.cfg() }),
    takeFile: (info) =>
      takeFile(info, {
        account,
        log,
        maxBytes: mediaMaxBytes(resolved().config),
        keep: input.files.keep,
      }),
    transcribe: async (file, { agentId, sessionKey, roomId, eventId }) => {
      const [media] = mediaFacts([file], eventId);
      if (!media) return undefined;
      const cfg = input.cfg();
      const agentDir = runtime.agent.resolveAgentDir(cfg, agentId);
      return input.files.transcribe({ cfg, media, agentDir, accountId, sessionKey, from: `matrix:channel:${roomId}`, to: `room:${roomId}` });
    },
    reply: ({ roomId, threadRootId, eventId, agentId }) => {
      const { config } = resolved();
      const settings = writeSettings(config, roomConfig(resolved(), { roomId, aliases: names.knownNames(roomId) }).entry);
      const reply = new TurnReply({
        account: current,
        target: { roomId, threadRootId },
        settings,
        turnKey: turnKey({ roomId, eventId }),
        loadFile: (source) => input.files.load(source, { cfg: input.cfg(), agentId, maxBytes: mediaMaxBytes(resolved().config) }),
        chunk: (text, limit, mode) => runtime.channel.text.chunkMarkdownTextWithMode(text, limit, mode),
        onError: (text, error) => log.warn(`[${accountId}] ${text}${error === undefined ? "" : `: ${String(error)}`}`),
      });
      const work = settings.streaming === "off" ? undefined : new WorkLines({ settings, seed: `${accountId}:${roomId}:${threadRootId ?? ""}`, show: (lines) => reply.work(lines) });
      return {
        streams: settings.streaming === "partial" || settings.streaming === "quiet",
        blockStreaming: settings.blockStreaming,
        work: work && {
          options: work.options,
          toolStarted: (tool) => {
            reply.nextMessage();
            return work.toolStarted(tool);
          },
          assistantMessage: () => {
            reply.nextMessage();
            work.assistantMessage();
          },
        },
        sink: {
          partial: (text) => reply.partial(text),
          finish: (again) => {
            work?.end();
            return reply.finish(again);
          },
          deliver: async (payload, kind) => {
            if (kind === "final") work?.answering();
            const delivered = await reply.deliver(payload, kind);
            if (delivered.visibleReplySent) input.onOutbound(Date.now());
            return delivered;
          },
        },
      };
    },
  };
}
