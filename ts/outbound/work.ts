/**
 * Says in the draft what the agent does before it answers (STR-4, STR-6). What a line says, and which are
 * shown, is the host's: the same in every channel.
 */
import { createChannelProgressDraftCompositor } from "../host/progress.ts";
import type { GetReplyOptions } from "../host/types.ts";
import type { WriteSettings } from "./settings.ts";

type Callback<K extends keyof GetReplyOptions> = Parameters<Extract<GetReplyOptions[K], (...args: never[]) => unknown>>[0];

export interface WorkOptions {
  settings: WriteSettings;
  /** The same words in the same conversation. */
  seed: string;
  /** Shows the lines; false if it is not the moment. */
  show: (lines: string) => boolean;
}

export class WorkLines {
  readonly #compositor: ReturnType<typeof createChannelProgressDraftCompositor>;
  readonly #mode: WriteSettings["streaming"];
  readonly #settings: WriteSettings;
  /** The host says the same in messages of their own, because somebody has asked for that. */
  #verbose: () => boolean = () => false;

  constructor({ settings, seed, show }: WorkOptions) {
    this.#mode = settings.streaming;
    this.#settings = settings;
    this.#compositor = createChannelProgressDraftCompositor({
      preparedItems: true,
      entry: { streaming: settings.written },
      mode: settings.streaming === "quiet" ? "partial" : settings.streaming,
      active: settings.streaming !== "off",
      seed,
      // A tool is worth a line at once; what follows waits until the work takes its time.
      shouldStartNow: (line) => typeof line !== "string" && Boolean(line?.toolName),
      update: (lines) => show(lines),
    });
  }

  /** What the host has to know before the turn. */
  get options(): Partial<GetReplyOptions> {
    const progress = this.#mode === "progress";
    return {
      preserveProgressCallbackStartOrder: true,
      suppressDefaultToolProgressMessages: this.#compositor.suppressDefaultToolProgressMessages,
      ...(progress
        ? {
            progressPreambleEnabled: true,
            commentaryProgressEnabled: this.#compositor.commentaryProgressEnabled,
            isProgressDraftVisible: () => this.#compositor.isVisible,
            narrationHideCommandText: (this.#settings.written.progress?.commandText ?? "status") === "status",
            onNarrationUpdate: async ({ text }: { text: string }) => {
              await this.#compositor.pushNarrationProgress(text);
            },
          }
        : {}),
      onVerboseProgressVisibility: (isActive) => {
        this.#verbose = isActive;
      },
      onItemEvent: (payload) => (this.#silent ? false : this.#compositor.pushItemEvent(payload)),
      onPlanUpdate: ({ phase, steps, explanation, explanationFormat }) =>
        phase === "update" && !this.#silent ? this.#compositor.pushPlanProgress(steps, { explanation, explanationFormat }) : false,
      onApprovalEvent: (payload) => (this.#silent ? false : this.#compositor.pushApprovalEvent(payload)),
    };
  }

  get #silent(): boolean {
    return this.#verbose();
  }

  toolStarted(payload: Callback<"onToolStart">): Promise<boolean> | boolean {
    return this.#silent ? false : this.#compositor.pushToolEvent(payload);
  }

  assistantMessage(): void {
    this.#compositor.beginAssistantMessage();
  }

  /** The answer goes out: nothing is written over it. */
  answering(): void {
    this.#compositor.markFinalReplyStarted();
  }

  /** The turn is over. */
  end(): void {
    this.#compositor.cancel();
  }
}
