import { createServer, type IncomingMessage, request as forward, type Server, type ServerResponse } from "node:http";
import { Listener } from "./listener.ts";

const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
const DEVICE_SCOPE = /urn:matrix:(?:org\.matrix\.msc2967\.)?client:device:(\S+)/;

/** The one person who allows logins, as the homeserver knows them. */
interface Person {
  userId: string;
  password: string;
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * A homeserver that has left passwords behind, made of one that has not: logins go by OAuth's device grant, tokens
 * live for seconds, and what they open is a login at the homeserver behind it.
 */
export class OAuthHomeserver extends Listener {
  protected readonly server: Server;
  readonly #target: string;
  readonly #person: Person;
  readonly #lifetimeMs: number;
  /** Access tokens and until when they are good. */
  readonly #tokens = new Map<string, number>();
  #refresh = "";
  #device = "";
  #behind = "";
  #pending = 0;
  /** Tokens given out for a refresh token. */
  refreshed = 0;
  revoked = 0;
  /** What the client said of itself. */
  client: Record<string, unknown> | undefined;

  private constructor(target: string, person: Person, lifetimeMs: number) {
    super();
    this.#target = target;
    this.#person = person;
    this.#lifetimeMs = lifetimeMs;
    this.server = createServer((request, response) => {
      this.#serve(request, response).catch((error: Error) => json(response, 500, { error: error.message }));
    });
  }

  static start(target: string, person: Person, options: { lifetimeMs: number }): Promise<OAuthHomeserver> {
    return new OAuthHomeserver(target, person, options.lifetimeMs).listen();
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", this.url);
    switch (pathname) {
      case "/_matrix/client/v1/auth_metadata":
        return json(response, 200, {
          issuer: `${this.url}/`,
          token_endpoint: `${this.url}/token`,
          registration_endpoint: `${this.url}/register`,
          device_authorization_endpoint: `${this.url}/device`,
          revocation_endpoint: `${this.url}/revoke`,
          grant_types_supported: [DEVICE_GRANT, "refresh_token"],
        });
      case "/_matrix/client/v3/login":
        request.resume();
        return json(response, 403, { errcode: "M_FORBIDDEN", error: "no passwords here" });
      case "/register":
        this.client = JSON.parse(await bodyOf(request)) as Record<string, unknown>;
        return json(response, 201, { client_id: "client" });
      case "/device": {
        const form = new URLSearchParams(await bodyOf(request));
        this.#device = DEVICE_SCOPE.exec(form.get("scope") ?? "")?.[1] ?? "";
        this.#pending = 1;
        return json(response, 200, { device_code: "device code", user_code: "WXYZ-2345", verification_uri: `${this.url}/link`, expires_in: 300, interval: 1 });
      }
      case "/token":
        return this.#token(new URLSearchParams(await bodyOf(request)), response);
      case "/revoke":
        await bodyOf(request);
        await fetch(`${this.#target}/_matrix/client/v3/logout`, { method: "POST", headers: { authorization: `Bearer ${this.#behind}` } });
        this.#tokens.clear();
        this.#refresh = "";
        this.revoked++;
        return json(response, 200, {});
      default:
        return this.#pass(request, response);
    }
  }

  async #token(form: URLSearchParams, response: ServerResponse): Promise<void> {
    if (form.get("grant_type") === DEVICE_GRANT) {
      // The person needs a moment.
      if (this.#pending-- > 0) return json(response, 400, { error: "authorization_pending" });
      const body = JSON.stringify({ type: "m.login.password", identifier: { type: "m.id.user", user: this.#person.userId }, password: this.#person.password, device_id: this.#device });
      const login = (await (await fetch(`${this.#target}/_matrix/client/v3/login`, { method: "POST", body })).json()) as { access_token: string };
      this.#behind = login.access_token;
    } else if (this.#refresh === "" || form.get("refresh_token") !== this.#refresh) {
      return json(response, 400, { error: "invalid_grant" });
    } else {
      this.refreshed++;
    }
    const token = `mat_${crypto.randomUUID()}`;
    this.#tokens.set(token, Date.now() + this.#lifetimeMs);
    this.#refresh = `mar_${crypto.randomUUID()}`;
    json(response, 200, { access_token: token, refresh_token: this.#refresh, token_type: "Bearer", expires_in: Math.ceil(this.#lifetimeMs / 1000) });
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const given = request.headers.authorization?.replace(/^Bearer /, "");
    const headers: Record<string, string | string[] | undefined> = { ...request.headers, host: new URL(this.#target).host };
    if (given !== undefined) {
      if ((this.#tokens.get(given) ?? 0) < Date.now()) {
        request.resume();
        return json(response, 401, { errcode: "M_UNKNOWN_TOKEN", error: "Token is not active" });
      }
      headers.authorization = `Bearer ${this.#behind}`;
    }
    const onward = forward(new URL(request.url ?? "/", this.#target), { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  }
}
