/** Delivers the replies of one turn: finals, blocks and the draft in between. */
import type { ReplyPayload } from "../host/types.ts";
import type { Account, SendTarget } from "../native/account.ts";
import { Draft } from "./draft.ts";
import { deliveryError, receiptOf } from "./failure.ts";
import type { WriteSettings } from "./settings.ts";

export interface ReplyOptions {
  /** The account as it runs at this moment; a restart in mid-turn replaces it. */
  account: () => Account;
  target: Pick<SendTarget, "roomId" | "threadRootId">;
  settings: WriteSettings;
  /** Names the turn for ever; the keys of its sends grow out of it. */
  turnKey: string;
  /** Splits Markdown into texts of one event each. */
  chunk: (text: string, limit: number, mode: "length" | "newline") => string[];
  onError: (text: string, error: unknown) => void;
}

export interface Delivered {
  messageIds: string[];
  visibleReplySent: boolean;
  content?: string;
  receipt?: ReturnType<typeof receiptOf>;
}

/** Texts about the answer rather than the answer: notices do not ring. */
function isAside(payload: ReplyPayload): boolean {
  return Boolean(payload.isReasoning || payload.isStatusNotice || payload.isCompactionNotice || payload.isFallbackNotice);
}

export class TurnReply {
  readonly #options: ReplyOptions;
  #draft: Draft | undefined;
  #drafts = 0;
  #index = 0;
  /** Deliveries of one turn keep their order. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: ReplyOptions) {
    this.#options = options;
  }

  /** The answer as far as it is written. */
  partial(text: string | undefined): void {
    const { settings, turnKey } = this.#options;
    if (settings.streaming === "off" || !text) return;
    this.#draft ??= new Draft({
      account: this.#options.account(),
      target: this.#options.target,
      kind: settings.streaming === "quiet" ? "notice" : "text",
      key: `${turnKey}:draft:${this.#drafts++}`,
      tables: settings.tables,
      limit: settings.chunkLimit,
      onError: (error) => this.#options.onError("the draft could not be written", error),
    });
    this.#draft.update(text);
  }

  deliver(payload: ReplyPayload, kind: "tool" | "block" | "final"): Promise<Delivered> {
    const delivery = this.#queue.then(() => this.#deliver(payload, kind));
    this.#queue = delivery.catch(() => undefined);
    return delivery;
  }

  /** After the turn: a draft that became nothing is taken back. */
  async finish(): Promise<void> {
    await this.#queue;
    const draft = this.#draft;
    this.#draft = undefined;
    await draft?.discard();
  }

  async #deliver(payload: ReplyPayload, kind: "tool" | "block" | "final"): Promise<Delivered> {
    const text = textOf(payload, (line) => this.#options.onError(line, undefined));
    if (text === "") return { messageIds: [], visibleReplySent: false };
    const key = `${this.#options.turnKey}:${kind}:${this.#index++}`;
    const quoted = payload.replyToId?.startsWith("$") ? payload.replyToId : undefined;
    if (kind === "final" && !isAside(payload) && this.#draft) {
      const draft = this.#draft;
      this.#draft = undefined;
      const eventId = await draft.seal();
      if (eventId) return this.#finalize(eventId, text, key);
    }
    return this.#send({ text, key, kind: isAside(payload) ? "notice" : "text", replyToId: quoted });
  }

  /** The draft becomes the answer; what does not fit follows in messages of its own. */
  async #finalize(eventId: string, text: string, key: string): Promise<Delivered> {
    const { settings, target, chunk } = this.#options;
    const account = this.#options.account();
    const [first = text, ...rest] = chunk(text, settings.chunkLimit, settings.chunkMode);
    try {
      await account.editText({
        roomId: target.roomId,
        eventId,
        markdown: first,
        kind: settings.streaming === "quiet" ? "notice" : "text",
        tables: settings.tables,
        key: `${key}:edit`,
        draft: false,
      });
    } catch (error) {
      // The draft stays as it stands; the answer must not be lost with it.
      this.#options.onError("the draft could not be completed; the answer follows as a message", error);
      return this.#send({ text, key, kind: "text" });
    }
    const messageIds = [eventId];
    for (const [index, part] of rest.entries()) {
      const sent = await this.#send({ text: part, key: `${key}:${index + 1}`, kind: "text" });
      messageIds.push(...sent.messageIds);
    }
    return { messageIds, visibleReplySent: true, content: text, receipt: receiptOf(target.roomId, messageIds, { threadId: target.threadRootId }) };
  }

  async #send(part: { text: string; key: string; kind: "text" | "notice"; replyToId?: string }): Promise<Delivered> {
    const { settings, target } = this.#options;
    const account = this.#options.account();
    try {
      const sent = await account.sendText({
        ...target,
        replyToId: part.replyToId,
        markdown: part.text,
        kind: part.kind,
        key: part.key,
        chunkLimit: settings.chunkLimit,
        chunkMode: settings.chunkMode,
        tables: settings.tables,
      });
      // A queued send is stored and will go out; its ids are not known yet.
      return {
        messageIds: sent.eventIds,
        visibleReplySent: true,
        content: part.text,
        receipt: sent.eventIds.length > 0 ? receiptOf(target.roomId, sent.eventIds, { threadId: target.threadRootId, replyToId: part.replyToId }) : undefined,
      };
    } catch (error) {
      throw await deliveryError(account, { key: part.key, roomId: target.roomId, text: part.text }, error);
    }
  }
}

/** The text to send. Web media goes out as its link; a local file is said to be missing rather than dropped in silence. */
function textOf(payload: ReplyPayload, report: (line: string) => void): string {
  const media = [...new Set([payload.mediaUrl, ...(payload.mediaUrls ?? [])].filter((url): url is string => Boolean(url)))];
  const links = media.filter((url) => /^https?:\/\//i.test(url));
  if (links.length < media.length) report("a reply carried a local file; this version sends text only");
  const lines = [payload.text?.trim() ?? "", ...links];
  if (links.length < media.length) lines.push("(A file could not be attached.)");
  return lines.filter((line) => line !== "").join("\n\n");
}
