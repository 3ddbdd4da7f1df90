import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { type Answer, answerTo, type ChatMessage } from "./answer.ts";

/** A request the stub has answered. */
export interface RecordedPrompt {
  at: number;
  messages: ChatMessage[];
  tools: string[];
  /** The markers that were open. */
  markers: string[];
}

/** Name the gateway's configuration gives the model. */
export const MODEL_ID = "stub-1";

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/**
 * An OpenAI-compatible model that says what the test wants. `/control/*` scripts it and reads what it
 * was asked, so that a test in another process can do both.
 */
export class StubModel {
  readonly #server: Server;
  readonly #prompts: RecordedPrompt[] = [];
  readonly #scripts = new Map<string, Answer[]>();

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: Error) => {
        if (!response.headersSent) json(response, 500, { error: { message: error.message } });
        else response.destroy();
      });
    });
  }

  static async start(): Promise<StubModel> {
    const model = new StubModel();
    await new Promise<void>((resolve, reject) => {
      model.#server.once("error", reject);
      model.#server.listen(0, "127.0.0.1", resolve);
    });
    return model;
  }

  /** Without `/v1`. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://stub");
    if (pathname === "/v1/models") return json(response, 200, { object: "list", data: [{ id: MODEL_ID, object: "model" }] });
    if (pathname === "/v1/chat/completions") return this.#complete(JSON.parse(await bodyOf(request)), response);
    if (pathname === "/control/script") {
      const { marker, answers } = JSON.parse(await bodyOf(request)) as { marker: string; answers: Answer[] };
      this.#scripts.set(marker, answers);
      return json(response, 200, {});
    }
    if (pathname === "/control/prompts") {
      const marker = searchParams.get("marker");
      return json(response, 200, marker ? this.#prompts.filter((prompt) => prompt.markers.includes(marker)) : this.#prompts);
    }
    json(response, 404, { error: { message: `no ${pathname} here` } });
  }

  async #complete(body: { stream?: boolean; messages: ChatMessage[]; tools?: { function: { name: string } }[] }, response: ServerResponse): Promise<void> {
    const { answer, markers } = answerTo(body.messages, this.#scripts);
    this.#prompts.push({ at: Date.now(), messages: body.messages, tools: (body.tools ?? []).map((tool) => tool.function.name), markers });
    if (answer.failWith) return json(response, answer.failWith, { error: { message: "scripted failure" } });
    const base = { id: `chatcmpl-${this.#prompts.length}`, created: Math.floor(Date.now() / 1000), model: MODEL_ID };
    const usage = { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 };
    const toolCalls = answer.toolCalls?.map((call, index) => ({
      index,
      id: `call_${this.#prompts.length}_${index}`,
      type: "function",
      function: { name: call.name, arguments: JSON.stringify(call.arguments) },
    }));
    const pieces = answer.pieces ?? (answer.text === undefined ? [] : [{ text: answer.text, delayMs: 0 }]);
    const finish = toolCalls?.length ? "tool_calls" : "stop";
    if (!body.stream) {
      for (const piece of pieces) await pause(piece.delayMs);
      const message = { role: "assistant", content: pieces.map((piece) => piece.text).join("") || null, ...(toolCalls ? { tool_calls: toolCalls } : {}) };
      return json(response, 200, { ...base, object: "chat.completion", choices: [{ index: 0, message, finish_reason: finish }], usage });
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (delta: object, finishReason: string | null = null): void => {
      response.write(`data: ${JSON.stringify({ ...base, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: finishReason }] })}\n\n`);
    };
    send({ role: "assistant", content: "" });
    if (answer.reasoning !== undefined) send({ reasoning_content: answer.reasoning });
    for (const piece of pieces) {
      await pause(piece.delayMs);
      if (response.destroyed) return;
      send({ content: piece.text });
    }
    if (toolCalls?.length) send({ tool_calls: toolCalls });
    send({}, finish);
    response.write(`data: ${JSON.stringify({ ...base, object: "chat.completion.chunk", choices: [], usage })}\n\n`);
    response.end("data: [DONE]\n\n");
  }
}
