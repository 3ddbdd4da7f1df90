import { readFileSync } from "node:fs";
import { createServer as createPlainServer, type IncomingMessage, request as forward, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { TEST_CERTIFICATE, TEST_KEY } from "./certificates.ts";
import { Listener } from "./listener.ts";

/** What stands before a homeserver: TLS with a root nobody knows, a `.well-known` file, redirects. Everything else is passed on. */
export class Front extends Listener {
  protected readonly server: Server;
  readonly #tls: boolean;
  readonly #target: string;
  /** Paths that were asked for. */
  readonly asked: string[] = [];
  /** Answered in place of the homeserver; the path's beginning decides. */
  readonly answers = new Map<string, { status: number; headers?: Record<string, string>; body?: unknown }>();

  private constructor(target: string, tls: boolean) {
    super();
    this.#target = target;
    this.#tls = tls;
    const serve = (request: IncomingMessage, response: ServerResponse): void => this.#serve(request, response);
    this.server = tls ? createTlsServer({ cert: readFileSync(TEST_CERTIFICATE), key: readFileSync(TEST_KEY) }, serve) : createPlainServer(serve);
  }

  static start(target: string, { tls }: { tls: boolean }): Promise<Front> {
    return new Front(target, tls).listen();
  }

  get url(): string {
    return `${this.#tls ? "https://localhost" : "http://127.0.0.1"}:${this.port}`;
  }

  /** As a server name. */
  get name(): string {
    return `localhost:${this.port}`;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "/";
    this.asked.push(path);
    const own = [...this.answers].find(([beginning]) => path.startsWith(beginning))?.[1];
    if (own) {
      request.resume();
      response.writeHead(own.status, { "content-type": "application/json", ...own.headers }).end(own.body === undefined ? "" : JSON.stringify(own.body));
      return;
    }
    const onward = forward(new URL(path, this.#target), { method: request.method, headers: { ...request.headers, host: new URL(this.#target).host } }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  }
}
