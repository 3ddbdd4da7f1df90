import { Agent, createServer, type IncomingMessage, request as ask, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../process.ts";
import { People } from "./people.ts";
import { type Call, type Edit, fits, type Match, type Passed, Rule, type RuleOptions } from "./rules.ts";

/** Pieces a slow body comes in. */
const DROPS = 20;

/** Begins what is ours in a sync token; the homeserver never sees it. */
const OWN_TOKEN = "~proxy";
let tokens = 0;

/** A token that means the same to the homeserver and is another one to the client, which passes over an answer with a token it has. */
export function renewed(token: unknown): string {
  return `${String(token).split(OWN_TOKEN)[0]}${OWN_TOKEN}${++tokens}`;
}

/** One request under way. */
export interface Exchange {
  readonly call: Call;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly rule: Rule | undefined;
}

/** An answer of the homeserver, whole. */
interface Whole {
  status: number;
  headers: Record<string, string | string[]>;
  body: Buffer;
}

/** Headers of one connection, not of the message. */
const OF_THE_CONNECTION = new Set(["connection", "keep-alive", "transfer-encoding", "content-length", "proxy-connection", "upgrade"]);

/**
 * Stands before a homeserver and spoils what a rule tells it to. What no rule fits
 * passes as it is, piece by piece. Everything that passed is counted.
 */
export class FaultProxy {
  readonly #target: URL;
  readonly #server: Server;
  // A connection a request: a kept one that the homeserver closes would be a fault nobody asked for.
  readonly #agent = new Agent({ keepAlive: false });
  readonly #rules: Rule[] = [];
  readonly #edits: Edit[] = [];
  readonly #underWay = new Set<Exchange>();
  readonly people = new People();
  /** In the order in which they ended. */
  readonly passed: Passed[] = [];

  private constructor(target: string) {
    this.#target = new URL(target);
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => request.socket.resetAndDestroy());
    });
    // A stalled request is stalled for as long as its client likes.
    this.#server.requestTimeout = 0;
    this.#server.keepAliveTimeout = 60_000;
  }

  static async start(target: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once("error", reject);
      proxy.#server.listen(0, "127.0.0.1", resolve);
    });
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await closed;
  }

  /** The first standing rule that fits a request spoils it. */
  spoil(options: RuleOptions): Rule {
    const rule = new Rule(options);
    this.#rules.push(rule);
    return rule;
  }

  /** Spoils for as long as `work` takes. */
  async during<T>(options: RuleOptions, work: (rule: Rule) => Promise<T>): Promise<T> {
    const rule = this.spoil(options);
    try {
      return await work(rule);
    } finally {
      rule.lift();
    }
  }

  /** Every edit that fits is made. The function returned takes it away. */
  edit(edit: Edit): () => void {
    this.#edits.push(edit);
    return () => void this.#edits.splice(this.#edits.indexOf(edit), 1);
  }

  lift(): void {
    for (const rule of this.#rules.splice(0)) rule.lift();
  }

  /** Answered requests that fit. */
  count(match: Match & { status?: number }): number {
    return this.passed.filter((call) => fits(match, call) && (match.status === undefined || match.status === call.status)).length;
  }

  /** Waits until more than `above` requests that fit have been answered. */
  async waitFor(match: Match & { status?: number }, above = 0, timeoutMs = 30_000): Promise<void> {
    await until(`${match.method ?? "a request"} ${match.path?.source ?? ""} to pass the proxy`, timeoutMs, () => this.count(match) > above, 25);
  }

  /** Requests that wait for the homeserver's answer. */
  waiting(match: Match): Exchange[] {
    return [...this.#underWay].filter((exchange) => fits(match, exchange.call) && !exchange.response.headersSent);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.#target);
    for (const name of ["since", "from", "to"]) {
      const token = url.searchParams.get(name);
      if (token?.includes(OWN_TOKEN)) url.searchParams.set(name, token.split(OWN_TOKEN)[0] ?? "");
    }
    const device = this.people.of(request.headers);
    const call: Call = {
      method: request.method ?? "GET",
      path: decodeURIComponent(url.pathname.replace(/^\/_matrix\/client\/(?:v\d+|r0|unstable)\//, "")),
      userId: device?.userId,
      deviceId: device?.deviceId,
    };
    const rule = this.#rules.find((candidate) => candidate.takes(call));
    const exchange: Exchange = { call, query: url.searchParams, request, response, rule };
    this.#underWay.add(exchange);
    response.once("close", () => {
      this.#underWay.delete(exchange);
      this.passed.push({ ...call, at: Date.now(), status: response.writableFinished ? response.statusCode : undefined, fault: rule?.options.fault.kind });
    });
    const fault = rule?.options.fault;
    // What needs the homeserver's answer waits for it; the rest happens to the request.
    const needsAnswer = rule?.options.taken || fault?.kind === "cut" || fault?.kind === "slow";
    const asked = await bodyOf(request);
    if (rule && !needsAnswer && !(await this.#strike(exchange, rule, undefined))) return;
    await this.#forward(exchange, url, asked, needsAnswer ? rule : undefined);
  }

  /** Takes the request to the homeserver and its answer back. */
  async #forward(exchange: Exchange, url: URL, asked: Buffer, rule: Rule | undefined): Promise<void> {
    const { call, request, response } = exchange;
    // Nothing is compressed, so that everything can be read.
    const headers = { ...request.headers, host: this.#target.host, "accept-encoding": "identity" };
    const onward = ask(url, { method: call.method, headers, agent: this.#agent });
    response.once("close", () => onward.destroy());
    onward.end(asked);
    const answer = await new Promise<IncomingMessage>((resolve, reject) => onward.once("response", resolve).on("error", reject));
    // A poll may have waited since before there was anything to edit.
    const edits = this.#edits.filter((edit) => fits(edit, call));
    if (!rule && !edits.length && !People.tells(call.method, call.path)) {
      if (!response.headersSent) response.writeHead(answer.statusCode ?? 502, headersOf(answer, true));
      // The homeserver may die in the middle.
      answer.on("error", () => request.socket.destroy());
      answer.pipe(response);
      return;
    }
    const whole: Whole = { status: answer.statusCode ?? 502, headers: headersOf(answer, false), body: await bodyOf(answer) };
    if (whole.status === 200) this.#readAndEdit(exchange, whole, edits, asked);
    if (rule && !(await this.#strike(exchange, rule, whole))) return;
    // Somebody else may have answered meanwhile.
    if (!response.headersSent) response.writeHead(whole.status, { ...whole.headers, "content-length": whole.body.length }).end(whole.body);
  }

  #readAndEdit({ call, request }: Exchange, whole: Whole, edits: Edit[], asked: Buffer): void {
    const body = jsonOf(whole.body);
    if (!body) return;
    if (People.tells(call.method, call.path)) this.people.read(request.headers, body);
    for (const { edit } of edits) edit(body, jsonOf(asked) ?? {}, call);
    if (edits.length) whole.body = Buffer.from(JSON.stringify(body));
  }

  /** Lets the fault happen. `true` if the request goes on after all. */
  async #strike({ request, response }: Exchange, rule: Rule, whole: Whole | undefined): Promise<boolean> {
    const { fault } = rule.options;
    rule.struck();
    switch (fault.kind) {
      case "stall":
        return false;
      case "hold":
        await rule.lifted;
        return !response.destroyed;
      case "reset":
        request.socket.resetAndDestroy();
        return false;
      case "answer":
        response.writeHead(fault.status, fault.headers).end(fault.body);
        return false;
      case "cut":
        if (whole) cut(request, response, whole, fault.how);
        return false;
      case "slow":
        if (whole) await drip(response, whole, fault.totalMs);
        return false;
    }
  }
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function jsonOf(body: Buffer): Record<string, unknown> | undefined {
  try {
    return JSON.parse(body.toString("utf8")) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function headersOf(answer: IncomingMessage, length: boolean): Record<string, string | string[]> {
  const kept = Object.entries(answer.headers).filter(([name]) => !OF_THE_CONNECTION.has(name) || (length && name === "content-length"));
  return Object.fromEntries(kept) as Record<string, string | string[]>;
}

function cut(request: IncomingMessage, response: ServerResponse, whole: Whole, how: "reset" | "closed" | "ended"): void {
  const half = whole.body.subarray(0, Math.floor(whole.body.length / 2));
  if (how === "ended") return void response.writeHead(whole.status, { ...whole.headers, "content-length": half.length }).end(half);
  response.writeHead(whole.status, { ...whole.headers, "content-length": whole.body.length });
  response.write(half, () => (how === "reset" ? request.socket.resetAndDestroy() : request.socket.end()));
}

async function drip(response: ServerResponse, whole: Whole, totalMs: number): Promise<void> {
  response.writeHead(whole.status, { ...whole.headers, "content-length": whole.body.length });
  const size = Math.max(1, Math.ceil(whole.body.length / DROPS));
  for (let at = 0; at < whole.body.length && !response.destroyed; at += size) {
    response.write(whole.body.subarray(at, at + size));
    await pause(totalMs / DROPS);
  }
  response.end();
}
