/** Wires the way in to the account, the host and the way out. */
import { type ResolvedMatrixAccount, roomConfig } from "../config/accounts.ts";
import type { ChannelLogSink, OpenClawConfig, PluginRuntime } from "../host/types.ts";
import { DropLog } from "../inbound/drop.ts";
import { PendingHistory } from "../inbound/history.ts";
import type { InboundPorts } from "../inbound/ports.ts";
import { Quotes } from "../inbound/quote.ts";
import { SkippedNotices } from "../inbound/skipped.ts";
import type { Account } from "../native/account.ts";
import { TurnReply } from "../outbound/reply.ts";
import { writeSettings } from "../outbound/settings.ts";
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
}

export function createPorts(input: WiringInput): InboundPorts {
  const { account, accountId, runtime, resolved, log } = input;
  // A turn may outlive this account's start: its answer goes out through the account as it runs then.
  const current = () => runningAccount(accountId)?.account ?? account;
  return {
    runtime,
    cfg: input.cfg,
    resolved,
    accountId,
    path: input.path,
    account,
    bots: input.bots,
    history: new PendingHistory(),
    skipped: new SkippedNotices(),
    failures: new Map(),
    quotes: new Quotes(account),
    drops: new DropLog(accountId, log),
    log,
    now: Date.now,
    reply: ({ roomId, threadRootId, eventId }) => {
      const { config } = resolved();
      const settings = writeSettings(config, roomConfig(resolved(), { roomId, aliases: [] }).entry);
      const reply = new TurnReply({
        account: current,
        target: { roomId, threadRootId },
        settings,
        turnKey: `in:${eventId}`,
        chunk: (text, limit, mode) => runtime.channel.text.chunkMarkdownTextWithMode(text, limit, mode),
        onError: (text, error) => log.warn(`[${accountId}] ${text}${error === undefined ? "" : `: ${String(error)}`}`),
      });
      return {
        streams: settings.streaming !== "off",
        blockStreaming: settings.blockStreaming,
        sink: {
          partial: (text) => reply.partial(text),
          finish: (again) => reply.finish(again),
          deliver: async (payload, kind) => {
            const delivered = await reply.deliver(payload, kind);
            if (delivered.visibleReplySent) input.onOutbound(Date.now());
            return delivered;
          },
        },
      };
    },
  };
}
