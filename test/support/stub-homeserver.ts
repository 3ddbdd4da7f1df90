import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Access tokens are this and the device. */
const TOKEN = "syt_stub_";

type Answer = { status?: number; body: unknown };

/**
 * A homeserver with one user, no rooms and nothing to say: enough to log in, to
 * upload keys and to sync, at once and any number of times. For tests of the
 * addon's life, not of Matrix.
 */
export class StubHomeserver {
  readonly #server: Server;
  readonly #syncs = new Set<ServerResponse>();
  #devices = 0;
  /** `METHOD path` of everything asked, in order. */
  readonly requests: string[] = [];
  readonly userId = "@bot:stub.test";
  /** Answers by `METHOD path` that stand before the usual ones. */
  readonly overrides = new Map<string, Answer>();
  /** Requests of `METHOD path` that fit are never answered. */
  hangs: RegExp | undefined;

  private constructor() {
    this.#server = createServer((request, response) => {
      request.resume().on("end", () => this.#answer(request, response));
    });
  }

  static async start(): Promise<StubHomeserver> {
    const stub = new StubHomeserver();
    await new Promise<void>((resolve, reject) => {
      stub.#server.once("error", reject);
      stub.#server.listen(0, "127.0.0.1", resolve);
    });
    return stub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Long polls that wait now. */
  get waiting(): number {
    return this.#syncs.size;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "/", "http://stub");
    const asked = `${request.method} ${url.pathname}`;
    this.requests.push(asked);
    if (this.hangs?.test(asked)) return;
    const path = url.pathname.replace(/^\/_matrix\/client\/(?:v\d|r0|unstable)\//, "");
    const override = this.overrides.get(asked);
    if (!override && path === "sync" && Number(url.searchParams.get("timeout") ?? 0) > 0 && url.searchParams.has("since")) {
      // Nothing ever happens: the client hangs up, or we do.
      this.#syncs.add(response);
      response.on("close", () => this.#syncs.delete(response));
      return;
    }
    const { status = 200, body } = override ?? this.#usual(`${request.method} ${path}`, request.headers.authorization ?? "");
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  }

  #usual(asked: string, authorization: string): Answer {
    switch (asked) {
      case "GET /_matrix/client/versions":
        return { body: { versions: ["v1.11", "v1.12"], unstable_features: {} } };
      case "GET login":
        return { body: { flows: [{ type: "m.login.password" }] } };
      case "POST login":
        return { body: { user_id: this.userId, device_id: `DEVICE${++this.#devices}`, access_token: `${TOKEN}DEVICE${this.#devices}` } };
      case "GET account/whoami":
        return { body: { user_id: this.userId, device_id: authorization.slice(`Bearer ${TOKEN}`.length) } };
      case "GET capabilities":
        return { body: { capabilities: {} } };
      case "GET sync":
        // The first one, and one that does not wait.
        return { body: { next_batch: "s1", device_one_time_keys_count: { signed_curve25519: 50 }, device_unused_fallback_key_types: ["signed_curve25519"] } };
      case "POST keys/upload":
        return { body: { one_time_key_counts: { signed_curve25519: 50 } } };
      case "POST keys/query":
        return { body: { device_keys: { [this.userId]: {} }, failures: {} } };
      case "POST keys/claim":
        return { body: { one_time_keys: {}, failures: {} } };
      case "POST keys/device_signing/upload":
      case "POST keys/signatures/upload":
        return { body: {} };
      default:
        return { status: 404, body: { errcode: "M_NOT_FOUND", error: "the stub has no such thing" } };
    }
  }
}
