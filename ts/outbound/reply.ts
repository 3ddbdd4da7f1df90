/** Delivers the replies of one turn: finals, blocks and the draft in between. */
import type { ReplyPayload } from "../host/types.ts";
import type { Account, SendTarget } from "../native/account.ts";
import { completionKey, discardKey, Draft, isStored } from "./draft.ts";
import { deliveryError, receiptOf } from "./failure.ts";
import type { WriteSettings } from "./settings.ts";
import { eventIdOf } from "./target.ts";

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
  /** Milliseconds; default 10 s. */
  draftPatienceMs?: number;
}

interface Part {
  text: string;
  key: string;
  kind: "text" | "notice";
  replyToId?: string;
}

export interface Delivered {
  messageIds: string[];
  visibleReplySent: boolean;
  content?: string;
  receipt?: ReturnType<typeof receiptOf>;
}

/**
 * How long an answer waits for its draft's event, in milliseconds. Until the answer is in the outbox a
 * kill loses it, so with a homeserver that takes longer it becomes a message of its own.
 */
const DRAFT_PATIENCE_MS = 10_000;

/** Whether people are called in a text: by their user id, by a link to them, or all at once. */
export function namesSomebody(text: string): boolean {
  return /(?:^|[^\p{L}\p{N}@/.=#+%&\\])@(?:room\b|[\w.=\-/+]+:[\w.-]+)|matrix\.to\/#\/(?:@|%40)|matrix:u\//u.test(text);
}

/** A text as far as it goes on behind parts that are delivered; whole, if it does not begin with them. */
function withoutBlocks(text: string, blocks: readonly string[]): string {
  let rest = text.trimStart();
  for (const block of blocks) if (rest.startsWith(block)) rest = rest.slice(block.length).trimStart();
  return rest;
}

/** Texts about the answer rather than the answer: notices do not ring. */
function isAside(payload: ReplyPayload): boolean {
  return Boolean(payload.isReasoning || payload.isStatusNotice || payload.isCompactionNotice || payload.isFallbackNotice);
}

export class TurnReply {
  readonly #options: ReplyOptions;
  #draft: Draft | undefined;
  /** Parts of the answer so far, drafted or not: the next draft's number, the same one however often the turn runs. */
  #parts = 0;
  #drafted = false;
  /** Drafts that their answer stands beside, not in. */
  readonly #late: Draft[] = [];
  /** Parts of the answer that are messages already: a draft goes on behind them. */
  readonly #blocks: string[] = [];
  /** The agent's own words have begun: what it does is not shown any more. */
  #speaking = false;
  /** An answer did not get out. What people see of it stays. */
  #undelivered = false;
  #index = 0;
  /** Deliveries of one turn keep their order. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: ReplyOptions) {
    this.#options = options;
  }

  /** The answer as far as it is written. */
  partial(text: string | undefined): void {
    const { streaming } = this.#options.settings;
    if (streaming === "off" || streaming === "progress" || !text) return;
    const rest = withoutBlocks(text, this.#blocks);
    if (rest.trim() === "") return;
    this.#speaking = true;
    this.#show(rest);
  }

  /** What the agent does before it answers, as the draft shows it; nothing once it speaks. */
  work(lines: string): boolean {
    if (this.#options.settings.streaming === "off" || this.#speaking || lines.trim() === "") return false;
    this.#show(lines);
    return true;
  }

  /** The model works again, or begins another message: until it speaks, its work is shown. */
  nextMessage(): void {
    this.#speaking = false;
  }

  #show(text: string): void {
    const { settings } = this.#options;
    this.#drafted = true;
    this.#draft ??= new Draft({
      account: this.#options.account(),
      target: this.#options.target,
      kind: settings.quiet ? "notice" : "text",
      key: this.#draftKey(this.#parts),
      tables: settings.tables,
      limit: settings.chunkLimit,
      onError: (error) => this.#options.onError("the draft could not be written", error),
    });
    this.#draft.update(text);
  }

  deliver(payload: ReplyPayload, kind: "tool" | "block" | "final"): Promise<Delivered> {
    const delivery = this.#queue.then(() => this.#deliver(payload, kind));
    this.#queue = delivery.catch(() => {
      this.#undelivered = true;
    });
    return delivery;
  }

  /**
   * After the turn: a draft that became nothing is taken back, also one of an earlier run whose turn the host
   * has finished by itself.
   *
   * @param again the turn will run once more: its draft stays, because that run goes on with the same event
   */
  async finish(again = false): Promise<void> {
    await this.#queue;
    const drafts = this.#draft ? [...this.#late, this.#draft] : this.#late;
    this.#draft = undefined;
    if (again || this.#undelivered) return void (await Promise.all(drafts.map((draft) => draft.seal())));
    await Promise.all(drafts.map((draft) => draft.discard()));
    if (this.#drafted || this.#options.settings.streaming === "off") return;
    for (let part = 0; part <= this.#parts; part++) await this.#discardFormer(this.#draftKey(part));
  }

  async #discardFormer(draftKey: string): Promise<void> {
    const account = this.#options.account();
    try {
      const { state, eventIds } = await account.outboxEntry(draftKey);
      const [eventId] = eventIds;
      if (state !== "sent" || eventId === undefined || isStored(await account.outboxEntry(completionKey(draftKey)))) return;
      await account.redact({ roomId: this.#options.target.roomId, eventId, key: discardKey(draftKey) });
    } catch (error) {
      this.#options.onError("a draft of before the restart could not be taken back", error);
    }
  }

  async #deliver(payload: ReplyPayload, kind: "tool" | "block" | "final"): Promise<Delivered> {
    const text = textOf(payload, (line) => this.#options.onError(line, undefined));
    if (text === "") return { messageIds: [], visibleReplySent: false };
    const key = `${this.#options.turnKey}:${kind}:${this.#index++}`;
    const quoted = eventIdOf(payload.replyToId);
    const { streaming } = this.#options.settings;
    // A block is a part of the answer; in progress mode the draft shows work and waits for the last one.
    const completes = kind === "final" || (kind === "block" && streaming !== "progress");
    if (completes && !isAside(payload) && streaming !== "off") {
      if (kind === "block") this.#blocks.push(text);
      const completed = await this.#complete(text, key);
      if (completed) return completed;
    }
    const part = { text, key, kind: isAside(payload) ? ("notice" as const) : ("text" as const), replyToId: quoted };
    const { chunk, settings } = this.#options;
    const texts = quoted !== undefined && settings.replyToMode === "all" ? chunk(text, settings.chunkLimit, settings.chunkMode) : [];
    return texts.length > 1 ? this.#sendEach(texts.map((one, index) => ({ ...part, text: one, key: `${key}:${index}` }))) : this.#send(part);
  }

  /** Parts that each quote what they answer are messages of their own to the core. All are stored before the homeserver is waited for. */
  async #sendEach(parts: readonly Part[]): Promise<Delivered> {
    for (const part of parts) await this.#send(part, 0);
    const sent: Delivered[] = [];
    for (const part of parts) sent.push(await this.#send(part));
    const messageIds = sent.flatMap((one) => one.messageIds);
    const { target } = this.#options;
    const receipt = messageIds.length > 0 ? receiptOf(target.roomId, messageIds, { threadId: target.threadRootId, replyToId: parts[0]?.replyToId }) : undefined;
    return { messageIds, visibleReplySent: true, content: parts.map(({ text }) => text).join("\n\n"), receipt };
  }

  /** Makes the answer of the draft; undefined if it has to be a message of its own. */
  async #complete(text: string, key: string): Promise<Delivered | undefined> {
    const account = this.#options.account();
    const draft = this.#draft;
    this.#draft = undefined;
    const draftKey = this.#draftKey(this.#parts++);
    // A turn that runs again ends in the same way as before a kill: under the same keys.
    if (isStored(await account.outboxEntry(completionKey(draftKey)))) {
      const [eventId] = (await account.outboxEntry(draftKey)).eventIds;
      await draft?.seal();
      if (eventId) return this.#finalize(eventId, text, draftKey);
    }
    if (!draft) return undefined;
    if (namesSomebody(text)) {
      // An edit does not call people: the answer is a message of its own, and the draft goes once that is out.
      this.#late.push(draft);
      return undefined;
    }
    const eventId = isStored(await account.outboxEntry(key)) ? undefined : await draft.seal(this.#options.draftPatienceMs ?? DRAFT_PATIENCE_MS);
    if (eventId) return this.#finalize(eventId, text, draftKey);
    this.#late.push(draft);
    return undefined;
  }

  #draftKey(index: number): string {
    return `${this.#options.turnKey}:draft:${index}`;
  }

  /**
   * The draft becomes the answer; what does not fit follows in messages of its own. All of it is stored
   * before the homeserver is waited for: an answer that is half stored is lost in a kill.
   */
  async #finalize(eventId: string, text: string, draftKey: string): Promise<Delivered> {
    const { settings, target, chunk } = this.#options;
    const account = this.#options.account();
    const [first = text, ...rest] = chunk(text, settings.chunkLimit, settings.chunkMode);
    const edit = (waitMs?: number) =>
      account.editText({
        roomId: target.roomId,
        eventId,
        markdown: first,
        kind: settings.quiet ? "notice" : "text",
        tables: settings.tables,
        key: completionKey(draftKey),
        draft: false,
        // A quiet preview rang nowhere: push rules may ring for this one (PSH-1).
        finalized: settings.quiet,
        waitMs,
      });
    const more = rest.map((part, index) => ({ text: part, key: `${completionKey(draftKey)}:${index + 1}`, kind: "text" as const }));
    const messageIds = [eventId];
    try {
      if (more.length > 0) {
        await edit(0);
        for (const part of more) await this.#send(part, 0);
      }
      await edit();
    } catch (error) {
      // The draft stays as it stands until its replacement is out; the answer must not be lost with it.
      this.#options.onError("the draft could not be completed; the answer follows as a message", error);
      const instead = await this.#send({ text: first, key: `${completionKey(draftKey)}:instead`, kind: "text" });
      if (instead.messageIds.length > 0) {
        await account
          .redact({ roomId: target.roomId, eventId, key: discardKey(draftKey) })
          .then(() => messageIds.shift())
          .catch((trouble: unknown) => this.#options.onError("the draft beside its answer could not be taken back", trouble));
      }
      messageIds.push(...instead.messageIds);
    }
    for (const part of more) messageIds.push(...(await this.#send(part)).messageIds);
    return { messageIds, visibleReplySent: true, content: text, receipt: receiptOf(target.roomId, messageIds, { threadId: target.threadRootId }) };
  }

  async #send(part: Part, waitMs?: number): Promise<Delivered> {
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
        waitMs,
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
