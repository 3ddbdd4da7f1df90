import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import type { Account, InboundEvent, Native, OpenAccountOptions } from "../../../ts/native/account.ts";
import { MatrixError } from "../../../ts/native/errors.ts";
import { loadNative } from "../../../ts/native/load.ts";
import { Homeserver } from "../../homeserver/homeserver.ts";
import { type Credentials, request } from "../../homeserver/users.ts";
import { accountOptions } from "../../support/account-options.ts";
import { addonChild, type AddonChild } from "../../support/addon-child.ts";
import { FaultProxy, faults } from "../../support/fault-proxy/index.ts";
import { type Human, type HumanClient, type JsSdkHuman, startHuman } from "../../support/humans/index.ts";
import { makeTempDir, removeDir, until } from "../../support/process.ts";

/** How the tests find what `npm test` has started: `OPENCLAW_MATRIX_LIVE`, as JSON. */
export interface LiveAddress {
  homeserver: { baseUrl: string; serverName: string };
  /** A folder with package.json and the addon. */
  rootDir: string;
}

/** What a gateway in front answers when the homeserver is too slow; most scenarios block with it. */
export const gatewayTimeout = faults.gatewayTimeout;

const WAIT_MS = 60_000;

/** A text that nobody else says. */
export const say = (what: string): string => `${what} (${randomBytes(4).toString("hex")})`;

/** One file's accounts and people, on the homeserver of the tier; the accounts behind a fault proxy of their own. */
export class World {
  readonly homeserver: Homeserver;
  readonly rootDir: string;
  readonly native: Native;
  readonly proxy: FaultProxy;
  readonly #ends: (() => unknown)[] = [];

  private constructor(address: LiveAddress, proxy: FaultProxy) {
    this.homeserver = new Homeserver(address.homeserver.baseUrl, address.homeserver.serverName);
    this.rootDir = address.rootDir;
    this.native = loadNative(address.rootDir);
    this.proxy = proxy;
  }

  static async start(): Promise<World> {
    const address = process.env.OPENCLAW_MATRIX_LIVE;
    if (!address) throw new Error("There is no homeserver to test on: run `npm test -- --tier live`, which starts it.");
    const parsed = JSON.parse(address) as LiveAddress;
    return new World(parsed, await FaultProxy.start(parsed.homeserver.baseUrl));
  }

  async end(): Promise<void> {
    for (const end of this.#ends.toReversed()) await end();
    this.proxy.lift();
    await this.proxy.stop();
  }

  /** A user for an account, with a device without keys for raw requests. */
  user(name = "bot"): Promise<Credentials> {
    return this.homeserver.register(name);
  }

  /** An account of ours, not started. */
  account(user: Credentials, stateDir = this.folder("account"), changes: Partial<OpenAccountOptions> = {}): Ours {
    const ours = new Ours(this, user, stateDir, changes);
    this.#ends.push(() => ours.close());
    return ours;
  }

  /** A new user's account, started. */
  async ours(name?: string): Promise<Ours> {
    const ours = this.account(await this.user(name));
    await ours.start();
    return ours;
  }

  async person(client: HumanClient, credentials?: Credentials): Promise<Human> {
    const human = await startHuman(client, credentials ?? (await this.homeserver.register("person")));
    this.#ends.push(() => human.close());
    return human;
  }

  /** A person with matrix-js-sdk, whose client can be looked into. */
  async browser(credentials?: Credentials): Promise<JsSdkHuman> {
    return (await this.person("matrix-js-sdk", credentials)) as JsSdkHuman;
  }

  atEnd(end: () => unknown): void {
    this.#ends.push(end);
  }

  folder(what: string): string {
    const dir = makeTempDir(what);
    this.#ends.push(() => removeDir(dir));
    return dir;
  }

  /** A room with an account of ours in it that its maker knows. */
  async room(person: Human, ours: Ours, options: { preset?: "private_chat" | "public_chat"; rotation?: Record<string, number>; invite?: string[] } = {}): Promise<string> {
    const roomId = await person.createRoom({ encrypted: true, ...options, invite: [ours.userId, ...(options.invite ?? [])] });
    await ours.join(roomId);
    await person.waitForMember(roomId, ours.userId);
    return roomId;
  }
}

/** One account of ours in this process, on its own folder; `start()` and `close()` any number of times. */
export class Ours {
  readonly user: Credentials;
  readonly stateDir: string;
  /** Everything it has handed out, over all its starts. */
  readonly seen: InboundEvent[] = [];
  /** Wraps the key of its store. */
  storePassphrase: string | undefined;
  readonly #world: World;
  #changes: Partial<OpenAccountOptions>;
  #account: Account | undefined;
  #reading: Promise<void> | undefined;

  constructor(world: World, user: Credentials, stateDir: string, changes: Partial<OpenAccountOptions>) {
    this.#world = world;
    this.#changes = changes;
    this.user = user;
    this.stateDir = stateDir;
  }

  get userId(): string {
    return this.user.userId;
  }

  get account(): Account {
    if (!this.#account) throw new Error("the account is not started");
    return this.#account;
  }

  get options(): OpenAccountOptions {
    const { userId, password } = this.user;
    return accountOptions(this.#world.proxy.url, this.stateDir, { auth: { type: "password", userId, password }, storePassphrase: this.storePassphrase, ...this.#changes });
  }

  /** Other options from the next start on. */
  change(changes: Partial<OpenAccountOptions>): void {
    this.#changes = { ...this.#changes, ...changes };
  }

  async start(): Promise<void> {
    const account = await this.open();
    await until("the account to sync", WAIT_MS, async () => (await account.health()).sync.state === "running");
  }

  /** The same, without waiting for its sync. */
  async open(): Promise<Account> {
    const account = await this.#world.native.openAccount(this.options);
    this.#account = account;
    this.#reading = this.#read(account);
    account.start();
    return account;
  }

  /**
   * The same account in a process of its own, for a test that kills it or moves its clock.
   * Prints `running` once it syncs; joins what it is told to `join`; sends the `text` it is
   * told to a `room` and prints the event's id.
   */
  child(env: NodeJS.ProcessEnv = {}): AddonChild {
    const script = `
      const account = await native.openAccount(options);
      account.start();
      process.on("message", async ({ join, room, text }) => {
        if (join) await account.joinRoom(join);
        if (!text) return;
        const { eventIds } = await account.sendText({ roomId: room, markdown: text, kind: "text", chunkLimit: 4000, chunkMode: "length", tables: "off", waitMs: 60000 });
        console.log(eventIds[0] ?? "not sent");
      });
      let health = await account.health();
      while (health.sync.state !== "running") health = await account.healthAfter(health.version);
      console.log("running");
      for await (const batch of account.batches()) await account.settle(batch.map(({ seq }) => seq));
    `;
    const child = addonChild(this.#world.rootDir, this.options, script, { env, told: true });
    this.#world.atEnd(() => child.kill("SIGKILL"));
    return child;
  }

  async #read(account: Account): Promise<void> {
    try {
      for await (const batch of account.batches()) {
        this.seen.push(...batch);
        await account.settle(batch.map(({ seq }) => seq));
      }
    } catch (error) {
      // Closed with events in hand.
      if (!(error instanceof MatrixError) || error.code !== "closed") throw error;
    }
  }

  async close(): Promise<void> {
    await this.#account?.close();
    await this.#reading;
    this.#account = undefined;
  }

  async restart(): Promise<void> {
    await this.close();
    await this.start();
  }

  /** Joins, and waits until the account knows of it. */
  async join(roomId: string): Promise<void> {
    await this.account.joinRoom(roomId);
    await until(`the account to see ${roomId}`, WAIT_MS, async () => (await this.account.roomInfo(roomId)).membership === "join");
  }

  /** Sends and waits for the homeserver; the event's id. */
  async send(roomId: string, text: string): Promise<string> {
    const { eventIds, state } = await this.account.sendText({ roomId, markdown: text, kind: "text", chunkLimit: 4000, chunkMode: "length", tables: "off", waitMs: WAIT_MS });
    expect(state, `sending "${text}"`).toBe("sent");
    return eventIds[0] as string;
  }

  messages(text: string): InboundEvent[] {
    return this.seen.filter((event) => event.type === "message" && event.body.includes(text));
  }

  async waitFor(text: string, timeoutMs = WAIT_MS): Promise<InboundEvent> {
    const found = await until(`the account to read "${text}"`, timeoutMs, () => this.messages(text)[0], 50).catch(async (error: Error) => {
      const health = await this.#account?.health();
      throw new Error(`${error.message}; it read ${JSON.stringify(this.seen.map((event) => ("body" in event ? event.body : event.type)))}, health ${JSON.stringify(health)}`);
    });
    return found;
  }

  /** The Megolm session an event of a room was encrypted with. */
  async sessionOf(reader: Human, roomId: string, eventId: string): Promise<string> {
    const { type, content } = await reader.wire(roomId, eventId);
    expect(type).toBe("m.room.encrypted");
    return content.session_id as string;
  }

  /** A raw request of the user's, past the account. */
  request<T = Record<string, unknown>>(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<T> {
    return request<T>(this.user.homeserver, method, path, { token: this.user.accessToken, body });
  }
}
