/**
 * A host without a gateway. Its decisions are the real ones (access, routes,
 * session keys, commands come from the SDK); only running an agent is played:
 * the answer is scripted, the order of the calls is the host's.
 */
import { resolveChannelMessageIngress } from "openclaw/plugin-sdk/channel-ingress-runtime";
import { resolveInboundDebounceMs } from "openclaw/plugin-sdk/channel-inbound-debounce";
import { isControlCommandMessage } from "openclaw/plugin-sdk/command-detection";
import { chunkMarkdownTextWithMode } from "openclaw/plugin-sdk/reply-chunking";
import { buildAgentSessionKey, resolveAgentRoute } from "openclaw/plugin-sdk/routing";
import type { OpenClawConfig, PluginRuntime, ReplyPayload } from "../../../ts/host/types.ts";

/** One turn as the agent would have seen it. */
export interface Turn {
  ctx: Record<string, unknown> & { message: { bodyForAgent?: string; commandBody?: string; inboundHistory?: unknown[] } };
  sessionKey: string;
}

export interface AnswerTools {
  /** What the plugin gave the host for this turn. */
  plan: Record<string, never> & {
    delivery: { deliver: (payload: ReplyPayload, info: { kind: string }) => Promise<unknown>; preparePayload?: (payload: ReplyPayload, info: { kind: string }) => ReplyPayload | null };
    replyOptions: { onPartialReply?: (payload: { text?: string }) => void; disableBlockStreaming?: boolean };
    replyPipeline: { typing: { start: () => Promise<void>; stop: () => Promise<void> } };
  };
  deliver: (payload: ReplyPayload, kind?: "tool" | "block" | "final") => Promise<unknown>;
}

export type Script = (turn: Turn, tools: AnswerTools) => Promise<void>;

/** Answers with the text it got, as an echo. */
export const echo: Script = async (turn, { deliver }) => {
  await deliver({ text: `echo: ${turn.ctx.message.commandBody}` });
};

export class FakeHost {
  cfg: OpenClawConfig;
  script: Script = echo;
  /** Throws where the host refuses a turn before it has taken it. */
  admit: () => void = () => undefined;
  /** Texts of messages it has had before a restart: it takes no turn for them and says nothing. */
  readonly knows = new Set<string>();
  /** Turns wait behind a running one, and are over a moment after the host has given back control. */
  queues = false;
  readonly turns: Turn[] = [];
  /** Users whose pairing was approved. */
  readonly paired: string[] = [];
  readonly pairingRequests: { id: string; code: string }[] = [];
  /** What agents are told with their next turn. */
  readonly systemEvents: { text: string; sessionKey: string; contextKey?: string }[] = [];
  readonly runtime: PluginRuntime;

  constructor(matrix: Record<string, unknown>, rest: Record<string, unknown> = {}) {
    this.cfg = { channels: { matrix }, ...rest } as OpenClawConfig;
    this.runtime = this.#runtime() as unknown as PluginRuntime;
  }

  /** As when the configuration file is saved. */
  setMatrix(matrix: Record<string, unknown>, defaults?: Record<string, unknown>): void {
    this.cfg = { ...this.cfg, channels: { matrix, defaults } } as OpenClawConfig;
  }

  /** The texts agents were given. */
  prompts(): string[] {
    return this.turns.map((turn) => turn.ctx.message.bodyForAgent ?? "");
  }

  #runtime() {
    return {
      config: { current: () => this.cfg },
      system: {
        enqueueSystemEvent: (text: string, { sessionKey, contextKey }: { sessionKey: string; contextKey?: string }) => {
          this.systemEvents.push({ text, sessionKey, contextKey });
          return true;
        },
      },
      state: { resolveStateDir: () => "/nonexistent" },
      agent: { resolveAgentDir: () => "/nonexistent", session: { resolveStorePath: () => "/nonexistent", getSessionEntry: () => undefined } },
      channel: {
        routing: { resolveAgentRoute, buildAgentSessionKey },
        commands: { isControlCommandMessage },
        debounce: { resolveInboundDebounceMs },
        text: { chunkMarkdownTextWithMode },
        session: { readSessionUpdatedAt: () => undefined },
        mentions: {
          buildMentionRegexes: (cfg: { messages?: { groupChat?: { mentionPatterns?: string[] } } }) =>
            (cfg.messages?.groupChat?.mentionPatterns ?? []).map((pattern) => new RegExp(pattern, "i")),
          matchesMentionPatterns: (text: string, patterns: RegExp[]) => patterns.some((pattern) => pattern.test(text)),
        },
        pairing: {
          upsertPairingRequest: async ({ id }: { id: string }) => {
            const known = this.pairingRequests.find((request) => request.id === id);
            if (known) return { code: known.code, created: false };
            const code = `CODE${this.pairingRequests.length + 1}`;
            this.pairingRequests.push({ id, code });
            return { code, created: true };
          },
          buildPairingReply: ({ idLine, code }: { idLine: string; code: string }) => `${idLine}\nPairing code: ${code}`,
          readAllowFromStore: async () => [...this.paired],
        },
        inbound: {
          ingress: {
            resolve: (params: Parameters<typeof resolveChannelMessageIngress>[0]) =>
              resolveChannelMessageIngress({ ...params, useDefaultPairingStore: false, readStoreAllowFrom: async () => [...this.paired] }),
          },
          buildContext: async (params: unknown) => params,
          run: (params: RunParams) => this.#run(params),
        },
      },
    };
  }

  async #run({ adapter, turnAdoptionLifecycle, raw }: RunParams): Promise<unknown> {
    await adapter.ingest(raw);
    const plan = await adapter.resolveTurn();
    this.admit();
    const turn: Turn = { ctx: plan.ctxPayload, sessionKey: plan.route.sessionKey };
    this.turns.push(turn);
    if (this.knows.has((raw as { text: string }).text)) return { dispatched: true, admission: { kind: "dispatch" }, dispatchResult: { queuedFinal: false, counts: { tool: 0, block: 0, final: 0 } } };
    if (this.queues) turnAdoptionLifecycle?.onDeferred?.();
    else await turnAdoptionLifecycle?.onAdopted();
    await plan.replyPipeline.typing?.start();
    try {
      await this.script(turn, {
        plan: plan as never,
        deliver: async (payload, kind = "final") => {
          const prepared = plan.delivery.preparePayload ? plan.delivery.preparePayload(payload, { kind }) : payload;
          return prepared ? plan.delivery.deliver(prepared, { kind }) : undefined;
        },
      });
    } finally {
      await plan.replyPipeline.typing?.stop();
      if (this.queues) setTimeout(() => void turnAdoptionLifecycle?.onAdopted().then(() => turnAdoptionLifecycle.onSettled?.()), 5);
      else turnAdoptionLifecycle?.onSettled?.();
    }
    if (this.queues) return { dispatched: true, admission: { kind: "dispatch" }, dispatchResult: { deferredToActiveRun: "followup", queuedFinal: false, counts: { tool: 0, block: 0, final: 0 } } };
    return { dispatched: true, admission: { kind: "dispatch" }, dispatchResult: { queuedFinal: true, counts: { tool: 0, block: 0, final: 1 } } };
  }
}

interface RunParams {
  raw: unknown;
  adapter: { ingest: (raw: unknown) => unknown; resolveTurn: () => Promise<FakePlan> | FakePlan };
  turnAdoptionLifecycle?: { onAdopted: () => Promise<void>; onDeferred?: () => void; onSettled?: () => void };
}

interface FakePlan {
  ctxPayload: Turn["ctx"];
  route: { sessionKey: string };
  delivery: { preparePayload?: (payload: ReplyPayload, info: { kind: string }) => ReplyPayload | null; deliver: (payload: ReplyPayload, info: { kind: string }) => Promise<unknown> };
  replyPipeline: { typing?: { start: () => Promise<void>; stop: () => Promise<void> } };
}
