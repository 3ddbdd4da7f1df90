import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ensureVenv } from "../../../scripts/rig/toolchain.mjs";
import type { Credentials } from "../../homeserver/users.ts";
import { makeTempDir, removeDir, until } from "../process.ts";
import { BaseHuman, seen } from "./base.ts";
import type { SeenEvent, Undecryptable } from "./human.ts";

type Line =
  | { ready: true }
  | { event: Parameters<typeof seen>[0] }
  | { undecryptable: Undecryptable }
  | { id: number; ok: unknown }
  | { id: number; error: string };

/** A person with matrix-nio (Python, vodozemac) in a process of its own. */
export class NioHuman extends BaseHuman {
  readonly client = "matrix-nio";
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #storePath: string;
  readonly #calls = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #lastCall = 0;
  #ready = false;
  #stderr = "";

  private constructor(credentials: Credentials, python: string) {
    super(credentials);
    this.#storePath = makeTempDir("nio");
    this.#child = spawn(python, [join(import.meta.dirname, "nio_client.py")], { stdio: "pipe" });
    this.#child.stderr.on("data", (data: Buffer) => {
      this.#stderr = (this.#stderr + data.toString("utf8")).slice(-4000);
    });
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#take(JSON.parse(line) as Line));
    this.#child.once("close", () => {
      for (const call of this.#calls.values()) call.reject(new Error(`the matrix-nio process ended: ${this.#stderr}`));
      this.#calls.clear();
    });
    this.#child.stdin.on("error", () => {});
    const { homeserver, userId, deviceId, accessToken } = credentials;
    this.#child.stdin.write(`${JSON.stringify({ homeserver, userId, deviceId, accessToken, storePath: this.#storePath })}\n`);
  }

  static async start(credentials: Credentials): Promise<NioHuman> {
    const human = new NioHuman(credentials, await ensureVenv("matrix-nio", "test/support/humans/requirements.txt"));
    await until("matrix-nio's first sync", 60_000, () => {
      if (human.#child.exitCode !== null) throw new Error(human.#stderr);
      return human.#ready;
    }).catch(async (error: Error) => {
      await human.close();
      throw new Error(`${error.message} ${human.#stderr}`);
    });
    return human;
  }

  #take(line: Line): void {
    if ("ready" in line) this.#ready = true;
    else if ("event" in line) this.addEvent(seen(line.event) satisfies SeenEvent);
    else if ("undecryptable" in line) this.addUndecryptable(line.undecryptable);
    else {
      const call = this.#calls.get(line.id);
      this.#calls.delete(line.id);
      if ("error" in line) call?.reject(new Error(`matrix-nio: ${line.error}`));
      else call?.resolve(line.ok);
    }
  }

  #call<T>(call: string, args: Record<string, unknown>): Promise<T> {
    const id = ++this.#lastCall;
    return new Promise<T>((resolve, reject) => {
      this.#calls.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#child.stdin.write(`${JSON.stringify({ id, call, ...args })}\n`);
    });
  }

  sendContent(roomId: string, type: string, content: Record<string, unknown>): Promise<string> {
    return this.#call<string>("send", { roomId, type, content });
  }

  /** Uploads a file, encrypted if it goes into an encrypted room: what an event says of where it lies. */
  async upload(bytes: Buffer, mimetype: string, encrypted: boolean): Promise<{ url: string } | { file: Record<string, unknown> }> {
    if (!encrypted) return { url: await this.#put(bytes, mimetype) };
    const { data, file } = await this.#call<{ data: string; file: Record<string, unknown> }>("encrypt_file", { data: bytes.toString("base64") });
    return { file: { ...file, url: await this.#put(Buffer.from(data, "base64"), "application/octet-stream") } };
  }

  async #put(bytes: Buffer, mimetype: string): Promise<string> {
    const { homeserver, accessToken } = this.credentials;
    const headers = { authorization: `Bearer ${accessToken}`, "content-type": mimetype };
    const response = await fetch(`${homeserver}/_matrix/media/v3/upload`, { method: "POST", headers, body: new Uint8Array(bytes) });
    return ((await response.json()) as { content_uri: string }).content_uri;
  }

  /** The bytes behind `url` or `file`, decrypted by this client. */
  async fetchFile({ url, file }: { url?: string; file?: { url: string } }): Promise<Buffer> {
    const { homeserver, accessToken } = this.credentials;
    const place = (file?.url ?? url ?? "").replace("mxc://", "");
    const response = await fetch(`${homeserver}/_matrix/client/v1/media/download/${place}`, { headers: { authorization: `Bearer ${accessToken}` } });
    if (!response.ok) throw new Error(`download of ${place}: ${response.status}`);
    const bytes = Buffer.from(await response.arrayBuffer());
    return file ? Buffer.from(await this.#call<string>("decrypt_file", { data: bytes.toString("base64"), file }), "base64") : bytes;
  }

  protected async waitForRoom(roomId: string, encrypted: boolean): Promise<void> {
    await until(`matrix-nio to see room ${roomId}`, 30_000, () => this.#call<boolean>("has_room", { roomId, encrypted }));
  }

  protected knowsDevice(roomId: string, userId: string): Promise<boolean> {
    return this.#call<boolean>("knows_device", { roomId, userId });
  }

  /** Begins to compare emoji with a device, without a request before, as older clients do. */
  async beginVerification(userId: string, deviceId: string): Promise<void> {
    await this.#call("begin_verification", { userId, deviceId });
  }

  /** What there is to compare, once both sides have exchanged keys. */
  verificationEmoji(transactionId: string): Promise<string> {
    return this.#call<string>("verification_emoji", { transactionId });
  }

  /** Says that both sides show the same. */
  async confirmVerification(transactionId: string): Promise<void> {
    await this.#call("confirm_verification", { transactionId });
  }

  trustsDevice(userId: string, deviceId: string): Promise<boolean> {
    return this.#call<boolean>("trusts_device", { userId, deviceId });
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const closed = new Promise((resolve) => this.#child.once("close", resolve));
      this.#child.stdin.end();
      const killer = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
      await closed;
      clearTimeout(killer);
    }
    removeDir(this.#storePath);
  }
}
