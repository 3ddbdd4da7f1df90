import { createServer, type IncomingMessage, request as forward, type Server } from "node:http";
import { connect, createServer as createSocketServer, type Server as SocketServer, type Socket } from "node:net";
import { Listener } from "./listener.ts";

function join(one: Socket, other: Socket): void {
  one.pipe(other);
  other.pipe(one);
  one.on("error", () => other.destroy());
  other.on("error", () => one.destroy());
}

/** An HTTP proxy that writes down what it was asked to connect to. */
export class HttpProxy extends Listener {
  protected readonly server: Server;
  /** `host:port`, in order. */
  readonly targets: string[] = [];

  private constructor() {
    super();
    this.server = createServer((request, response) => {
      const url = new URL(request.url ?? "");
      this.targets.push(url.host);
      const onward = forward(url, { method: request.method, headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on("error", () => response.destroy());
      response.on("close", () => onward.destroy());
      request.pipe(onward);
    });
    this.server.on("connect", (request: IncomingMessage, client: Socket, head: Buffer) => {
      const [host, port] = (request.url ?? "").split(":");
      this.targets.push(request.url ?? "");
      const onward = connect(Number(port), host, () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        onward.write(head);
        join(client, onward);
      });
      onward.on("error", () => client.destroy());
    });
  }

  static start(): Promise<HttpProxy> {
    return new HttpProxy().listen();
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }
}

/** A SOCKS5 proxy (RFC 1928) without authentication, for names and IPv4 addresses. */
export class SocksProxy extends Listener {
  protected readonly server: SocketServer;
  readonly targets: string[] = [];

  private constructor() {
    super();
    this.server = createSocketServer((client) => {
      client.once("data", () => {
        client.write(Buffer.from([5, 0]));
        client.once("data", (asked: Buffer) => this.#connect(client, asked));
      });
    });
  }

  static start(): Promise<SocksProxy> {
    return new SocksProxy().listen();
  }

  get url(): string {
    return `socks5://127.0.0.1:${this.port}`;
  }

  #connect(client: Socket, asked: Buffer): void {
    const named = asked[3] === 3;
    const length = named ? (asked[4] ?? 0) : 4;
    const from = named ? 5 : 4;
    const host = named ? asked.subarray(from, from + length).toString("utf8") : [...asked.subarray(from, from + 4)].join(".");
    const port = asked.readUInt16BE(from + length);
    this.targets.push(`${host}:${port}`);
    const onward = connect(port, host, () => {
      client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
      join(client, onward);
    });
    onward.on("error", () => client.destroy());
  }
}
