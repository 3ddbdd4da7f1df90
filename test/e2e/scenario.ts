import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import type { Homeserver } from "../homeserver/homeserver.ts";
import { type Credentials, deviceIds, registerWithoutDevice } from "../homeserver/users.ts";
import { isLive, type Human, type HumanClient, type SeenEvent, startHuman } from "../support/humans/index.ts";
import { HostClient } from "../support/gateway/client.ts";
import type { CliResult } from "../support/gateway/home.ts";
import { textOf } from "../support/model/answer.ts";
import { until } from "../support/process.ts";
import { RemoteRig } from "../support/remote-rig.ts";

export { HUMAN_CLIENTS, type Human, type SeenEvent } from "../support/humans/index.ts";

/** How long an answer may take, in milliseconds: a first turn loads much of the host. */
export const ANSWER_MS = 90_000;

/** How long after the proof that everything was handled an unwanted answer could still come, in milliseconds. */
const SETTLE_MS = 1500;

/** An account of the plugin in this scenario. */
export interface Bot {
  /** Key under `channels.matrix.accounts`. */
  accountId: string;
  userId: string;
  password: string;
}

/** A text that the stub model answers with the same marker. */
export interface Question {
  marker: string;
  text: string;
}

export function question(text = "Please answer."): Question {
  const marker = randomBytes(4).toString("hex");
  return { marker, text: `${text} MARK: ${marker}` };
}

/**
 * One scenario file's hold on the shared rig. `end()` takes the accounts it made and the owner that
 * somebody became out of the configuration, and closes its people.
 */
export class Scenario {
  readonly rig: RemoteRig = RemoteRig.connect();
  /** The first person whose pairing is approved becomes the host's owner, and then nobody else's commands count. */
  readonly #commands = this.rig.home.readConfig().commands;
  readonly #accounts: string[] = [];
  readonly #people: Human[] = [];
  #client: HostClient | undefined;

  /** The configuration every account here starts from: loopback allowed, everybody may talk, invitations accepted. */
  settings(extra: Record<string, unknown> = {}): Record<string, unknown> {
    return {
      enabled: true,
      homeserver: this.rig.homeserver.baseUrl,
      network: { dangerouslyAllowPrivateNetwork: true },
      encryption: true,
      dm: { policy: "open", allowFrom: ["*"] },
      groupPolicy: "open",
      autoJoin: "always",
      // What the agent says in a room is then an answer to somebody.
      joinIntro: false,
      ...extra,
    };
  }

  /** Takes an account out of the configuration in the end, whoever wrote it. */
  adopt(accountId: string): void {
    if (!this.#accounts.includes(accountId)) this.#accounts.push(accountId);
  }

  /** Writes an account into the running gateway's configuration. */
  configure(accountId: string, settings: Record<string, unknown>): void {
    this.adopt(accountId);
    this.rig.home.patchMatrix((matrix) => {
      matrix.enabled = true;
      matrix.accounts = { ...(matrix.accounts as object | undefined), [accountId]: settings };
    });
  }

  /** Edits an account that is there. */
  edit(accountId: string, edit: (settings: Record<string, unknown>) => void): void {
    this.rig.home.patchMatrix((matrix) => edit((matrix.accounts as Record<string, Record<string, unknown>>)[accountId] as Record<string, unknown>));
  }

  /** The same, waiting until the gateway has taken it in and runs the account by it. */
  async reconfigure(accountId: string, edit: (settings: Record<string, unknown>) => void): Promise<void> {
    const after = (await this.rig.gateway.log()).length;
    this.edit(accountId, edit);
    await this.rig.gateway.waitForLog(new RegExp(`hot reload applied.*accounts\\.${accountId}[^]*\\[${accountId}\\] @\\S+ on `), { after });
  }

  /** A new user of the homeserver, or of another one, for an account that is not configured yet. */
  async reserve(name: string, homeserver: Homeserver = this.rig.homeserver): Promise<Bot> {
    const accountId = `${name}-${randomBytes(3).toString("hex")}`;
    return { accountId, ...(await registerWithoutDevice(homeserver.baseUrl, accountId)) };
  }

  /** A new user of the homeserver as an account with a password; `extra` goes over `settings()`. */
  async addBot(name: string, extra: Record<string, unknown> = {}): Promise<Bot> {
    const bot = await this.reserve(name);
    this.configure(bot.accountId, this.settings({ userId: bot.userId, password: bot.password, ...extra }));
    return bot;
  }

  /** A new person at a client. */
  async person(client: HumanClient, name = "person", credentials?: Credentials): Promise<Human> {
    const human = await startHuman(client, credentials ?? (await this.rig.homeserver.register(name)));
    this.#people.push(human);
    return human;
  }

  /** A DM that the account has joined. */
  async openDm(person: Human, bot: Bot, options: { encrypted: boolean }): Promise<string> {
    const roomId = await person.createDm(bot.userId, options);
    await person.waitForMember(roomId, bot.userId, { timeoutMs: ANSWER_MS });
    return roomId;
  }

  /** The room an account has invited a person to. */
  invitation(person: Human, by: Bot): Promise<string> {
    let looks = 0;
    return until(`an invitation of ${person.userId}`, ANSWER_MS, async () => {
      // Synapse answers the same first sync from its cache for minutes.
      const filter = encodeURIComponent(JSON.stringify({ room: { timeline: { limit: 1 } } }));
      const { rooms } = await person.request<{ rooms?: { invite?: Record<string, { invite_state: { events: { type: string; sender: string; state_key?: string }[] } }> } }>("GET", `v3/sync?timeout=${looks++}&filter=${filter}`);
      return Object.entries(rooms?.invite ?? {}).find(([, { invite_state: state }]) => state.events.some((event) => event.type === "m.room.member" && event.state_key === person.userId && event.sender === by.userId))?.[0];
    }, 500);
  }

  /** Asks in a room and waits for the answer. */
  async ask(person: Human, roomId: string, bot: Bot, asked: Question = question()): Promise<{ eventId: string; answer: SeenEvent }> {
    const eventId = await person.send(roomId, asked.text);
    return { eventId, answer: await this.answer(person, bot, asked) };
  }

  /** The finished answer: a draft that is still being written may have the marker already. */
  async answer(person: Human, bot: Bot, asked: Question): Promise<SeenEvent> {
    const answer = await person.waitForEvent(
      (event) => event.sender === bot.userId && event.type === "m.room.message" && (event.newBody ?? event.body).includes(asked.marker) && !isLive(event),
      { what: `a finished message of ${bot.userId} with "${asked.marker}"`, timeoutMs: ANSWER_MS },
    );
    expect(person.undecryptable, "events of the agent that the person's client could not decrypt").toEqual([]);
    return answer;
  }

  /** Neither the model nor any of the people has heard of it; call it once something later was handled. */
  async expectSilence(asked: Question, ...witnesses: Human[]): Promise<void> {
    await pause(SETTLE_MS);
    expect(await this.rig.model.prompts(asked.marker), "prompts with the message").toEqual([]);
    for (const witness of witnesses) {
      const answers = witness.events.filter((event) => event.sender !== witness.userId && (event.newBody ?? event.body).includes(asked.marker) && !event.body.includes("MARK:"));
      expect(answers, `answers ${witness.userId} saw`).toEqual([]);
    }
  }

  /** What the agent was given with a question: the newest text that holds it, and the context the host puts behind it. */
  async promptOf(asked: Question): Promise<string> {
    const prompts = await this.rig.model.prompts(asked.marker);
    const texts = (prompts.at(-1)?.messages ?? []).filter((message) => message.role === "user").map(textOf);
    const at = texts.findLastIndex((text) => text.includes(asked.marker));
    if (at < 0) throw new Error(`the model was never asked about ${asked.marker}`);
    return texts.slice(at).join("\n");
  }

  /** The system text of the newest prompt with a question, and the tools that went with it. */
  async frameOf(asked: Question): Promise<{ system: string; tools: string[] }> {
    const prompt = (await this.rig.model.prompts(asked.marker)).at(-1);
    const system = (prompt?.messages ?? []).filter(({ role }) => role === "system" || role === "developer").map(textOf).join("\n");
    return { system, tools: prompt?.tools ?? [] };
  }

  /** The host's client side, with the host loaded once for this file. */
  get #host(): HostClient {
    return (this.#client ??= new HostClient(this.rig.home));
  }

  /** Calls a gateway method, as a command does. */
  call<T>(method: string, params: Record<string, unknown> = {}): Promise<T> {
    return this.#host.call<T>(method, params);
  }

  /**
   * A command of `openclaw matrix` for an account. It prints and ends as the real one, which `rig.home.cli` runs and
   * which takes ten seconds of a processor; `test/e2e/alone/encryption.test.ts` compares the two.
   */
  command(bot: Pick<Bot, "accountId">, words: readonly string[], options: { input?: string } = {}): Promise<CliResult> {
    return this.#host.matrix([...words, "--account", bot.accountId], options);
  }

  /** The same with --json, for a command that ends with `code`: the document. */
  async matrix<T>(bot: Pick<Bot, "accountId">, words: readonly string[], options: { input?: string; code?: number } = {}): Promise<T> {
    const { code, stdout, stderr } = await this.command(bot, [...words, "--json"], options);
    expect(code, `openclaw matrix ${words.join(" ")}\n${stdout}\n${stderr}`).toBe(options.code ?? 0);
    return JSON.parse(stdout) as T;
  }

  /** Distinct messages with a marker, an edited one counting once. */
  answersOf(person: Human, bot: Bot, asked: Question): SeenEvent[] {
    const ids = new Set<string>();
    for (const event of person.events) {
      if (event.sender === bot.userId && event.type === "m.room.message" && (event.newBody ?? event.body).includes(asked.marker)) ids.add(event.replacesId ?? event.eventId);
    }
    return person.events.filter((event) => ids.has(event.eventId));
  }

  /** What the agent says in a room, in order: a message that was written while one watched counts with its last edit. */
  saidIn(person: Human, bot: Bot, roomId: string): string[] {
    const said = person.events.filter((event) => event.sender === bot.userId && event.roomId === roomId && event.type === "m.room.message");
    return said
      .filter((event) => event.replacesId === undefined)
      .map((event) => said.findLast((edit) => edit.replacesId === event.eventId)?.newBody ?? event.body);
  }

  /**
   * Every question of a room was answered once, in the order they were asked. The agent may answer several
   * in one message: the host joins messages that wait. Call it once something later was answered.
   */
  expectOnceInOrder(person: Human, bot: Bot, roomId: string, asked: readonly Question[]): void {
    const known = new Set(asked.map((question) => question.marker));
    const said = this.saidIn(person, bot, roomId);
    const answered = said.flatMap((text) => text.match(/[0-9a-f]{8}/g) ?? []).filter((marker) => known.has(marker));
    expect(answered, `markers answered in ${roomId}, where the agent said ${JSON.stringify(said.map((text) => text.slice(-200)), null, 1)}`).toEqual([...known]);
  }

  /** The devices of an account's user, looked up through a device of its own that is gone afterwards. */
  async devicesOf(bot: Bot): Promise<string[]> {
    const look = await this.rig.homeserver.login(bot.userId, bot.password, "look");
    const ids = await deviceIds(look);
    await fetch(`${look.homeserver}/_matrix/client/v3/logout`, { method: "POST", headers: { authorization: `Bearer ${look.accessToken}` } });
    return ids.filter((id) => id !== look.deviceId);
  }

  async end(): Promise<void> {
    this.rig.home.patch((config) => {
      const accounts = { ...(config.channels?.matrix?.accounts as Record<string, unknown> | undefined) };
      for (const accountId of this.#accounts) delete accounts[accountId];
      config.channels = { ...config.channels, matrix: { ...config.channels?.matrix, accounts } };
      if (this.#commands === undefined) delete config.commands;
      else config.commands = this.#commands;
    });
    await Promise.all([this.#client?.close(), ...this.#people.map((person) => person.close())]);
  }
}
