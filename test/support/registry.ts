import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";
import { gunzipSync } from "node:zlib";

/** `package/package.json` of an npm tarball. */
function manifestOf(tarball: Buffer): Record<string, unknown> & { name: string; version: string } {
  const tar = gunzipSync(tarball);
  for (let at = 0; at + 512 <= tar.length; ) {
    const name = tar.toString("utf8", at, at + 100).replace(/\0.*$/s, "");
    const size = Number.parseInt(tar.toString("utf8", at + 124, at + 136), 8) || 0;
    if (name === "package/package.json") return JSON.parse(tar.toString("utf8", at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error("the tarball has no package/package.json");
}

/**
 * A throw-away npm registry on loopback that has our packages and nothing else, so that `npm`
 * resolves the plugin and picks its platform package exactly as from the public one. The plugin
 * has no other dependency to ask for: its JavaScript is bundled, and OpenClaw is linked by the host.
 */
export class LocalRegistry {
  readonly #server: Server;
  readonly #packages = new Map<string, { manifest: ReturnType<typeof manifestOf>; tarball: Buffer; file: string }>();
  /** Paths asked for, in order. */
  readonly requests: string[] = [];

  private constructor(upstream: string | undefined) {
    this.#server = createServer((request, response) => {
      const path = decodeURIComponent(new URL(request.url ?? "/", "http://registry").pathname).slice(1);
      this.requests.push(path);
      const file = [...this.#packages.values()].find((known) => path === `-/${known.file}`);
      if (file) return void response.writeHead(200, { "content-type": "application/octet-stream" }).end(file.tarball);
      const known = this.#packages.get(path);
      if (!known && upstream) return void this.#passOn(request.url ?? "/", upstream, request.headers.accept, response);
      if (!known) return void response.writeHead(404, { "content-type": "application/json" }).end('{"error":"not found"}');
      const { manifest, tarball } = known;
      const dist = {
        tarball: `${this.url}-/${known.file}`,
        integrity: `sha512-${createHash("sha512").update(tarball).digest("base64")}`,
        shasum: createHash("sha1").update(tarball).digest("hex"),
      };
      const body = {
        name: manifest.name,
        "dist-tags": { latest: manifest.version },
        versions: { [manifest.version]: { ...manifest, dist } },
        time: { [manifest.version]: "2026-01-01T00:00:00.000Z" },
      };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  }

  /** @param upstream a registry that is asked for what is not in `tarballs` */
  static async start(tarballs: string[], upstream?: string): Promise<LocalRegistry> {
    const registry = new LocalRegistry(upstream);
    for (const path of tarballs) {
      const tarball = readFileSync(path);
      const manifest = manifestOf(tarball);
      registry.#packages.set(manifest.name, { manifest, tarball, file: basename(path) });
    }
    await new Promise<void>((resolve, reject) => {
      registry.#server.once("error", reject);
      registry.#server.listen(0, "127.0.0.1", resolve);
    });
    return registry;
  }

  /** Through this process, because it trusts what the machine trusts; a clean home does not. */
  async #passOn(path: string, upstream: string, accept: string | undefined, response: ServerResponse): Promise<void> {
    try {
      const answer = await fetch(new URL(path, upstream), { headers: accept ? { accept } : {} });
      const type = answer.headers.get("content-type") ?? "application/octet-stream";
      // Tarballs are to be asked for here as well.
      const body = type.includes("json") ? (await answer.text()).replaceAll(upstream, this.url) : Buffer.from(await answer.arrayBuffer());
      response.writeHead(answer.status, { "content-type": type }).end(body);
    } catch (error) {
      response.writeHead(502, { "content-type": "application/json" }).end(JSON.stringify({ error: (error as Error).message }));
    }
  }

  /** Ends in a slash, as npm wants it. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}
