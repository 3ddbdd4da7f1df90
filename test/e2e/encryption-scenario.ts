import type { Credentials } from "../homeserver/users.ts";
import { request } from "../homeserver/users.ts";
import type { JsSdkHuman } from "../support/humans/index.ts";
import { until } from "../support/process.ts";
import { reportOf, type REPORTS } from "../support/reports/index.ts";
import { ANSWER_MS, type Bot, Scenario } from "./scenario.ts";

type Command = keyof typeof REPORTS;
type Report<C extends Command> = ReturnType<typeof reportOf<C>>;

/** The method behind each command of encryption. */
const METHODS = {
  "verify status": "matrix.verify.status",
  "verify bootstrap": "matrix.verify.bootstrap",
  "verify device": "matrix.verify.recoveryKey",
  "verify backup status": "matrix.verify.backup.status",
  "verify backup restore": "matrix.verify.backup.restore",
  "verify backup reset": "matrix.verify.backup.reset",
} as const satisfies Partial<Record<Command, string>>;

interface Given {
  /** On standard input. */
  input?: string;
  flags?: string[];
  /** By the host's command line itself, in a process of its own. */
  real?: boolean;
}

/** A scenario whose accounts are asked about their encryption, and whose people are further clients of theirs. */
export class EncryptionScenario extends Scenario {
  /** A person at matrix-js-sdk: a new user, or the owner of an account on a further device. */
  async element(whose: string | Bot): Promise<JsSdkHuman> {
    const credentials = typeof whose === "string" ? await this.rig.homeserver.register(whose, "Element") : await this.rig.homeserver.login(whose.userId, whose.password, "Element");
    return (await this.person("matrix-js-sdk", "owner", credentials)) as JsSdkHuman;
  }

  /** A new account that runs. */
  async bot(name: string, extra: Record<string, unknown> = {}): Promise<Bot> {
    const added = await this.addBot(name, extra);
    await this.running(added);
    return added;
  }

  async running(bot: Bot): Promise<void> {
    await until(`the account ${bot.accountId} to run`, ANSWER_MS, async () => (await this.report(bot, "verify status").catch(() => undefined)) !== undefined);
  }

  /** Over the wire, as a script asks the gateway; the answer fits its schema. */
  async report<C extends keyof typeof METHODS>(bot: Bot, command: C, params: Record<string, unknown> = {}): Promise<Report<C>> {
    return reportOf(command, await this.call(METHODS[command], { ...params, accountId: bot.accountId }));
  }

  /** On the command line, as a person types it. */
  async run(bot: Bot, words: string, { input, flags = [], real = false }: Given = {}): Promise<{ code: number | null; text: string; stderr: string }> {
    const all = [...words.split(" "), ...flags];
    const { code, stdout, stderr } = real
      ? await this.rig.home.cli(["matrix", ...all, "--account", bot.accountId], { input })
      : await this.command(bot, all, { input });
    return { code, text: stdout, stderr };
  }

  /** The same with --json; the document fits its schema. */
  async json<C extends Command>(bot: Bot, command: C, { flags = [], ...given }: Given = {}): Promise<{ code: number | null; report: Report<C> }> {
    const { code, text, stderr } = await this.run(bot, command, { ...given, flags: [...flags, "--json"] });
    try {
      return { code, report: reportOf(command, JSON.parse(text)) };
    } catch (error) {
      throw new Error(`\`${command}\` ended with ${code}\n${text}\n${stderr}\n${String(error)}`, { cause: error });
    }
  }

  /** What the homeserver has of an account, asked with a device of its own; undefined where there is nothing. */
  async onHomeserver(bot: Bot): Promise<{ credentials: Credentials; get: <T = Record<string, unknown>>(path: string) => Promise<T | undefined> }> {
    const credentials = await this.rig.homeserver.login(bot.userId, bot.password, "look");
    return {
      credentials,
      get: <T>(path: string) => request<T>(credentials.homeserver, "GET", path, { token: credentials.accessToken }).catch(() => undefined),
    };
  }

  /** The account is closed while something happens to its files or its settings, and started again. */
  async away(bot: Bot, happens: () => void): Promise<void> {
    let after = (await this.rig.gateway.log()).length;
    this.edit(bot.accountId, (account) => void (account.enabled = false));
    await this.rig.gateway.waitForLog(new RegExp(`hot reload applied.*accounts\\.${bot.accountId}`), { after });
    await until(`the account ${bot.accountId} to be closed`, 60_000, () => this.report(bot, "verify status").then(() => false, () => true));
    happens();
    after = (await this.rig.gateway.log()).length;
    this.edit(bot.accountId, (account) => void (account.enabled = true));
    await this.rig.gateway.waitForLog(new RegExp(`\\[${bot.accountId}\\] @\\S+ on `), { after });
  }

  /** The status, once the account is verified and has its backup. */
  verified(bot: Bot): Promise<Report<"verify status">> {
    return until(`the account ${bot.accountId} to be verified`, ANSWER_MS, async () => {
      const status = await this.report(bot, "verify status").catch(() => undefined);
      return status?.verified && status.backup.issue === "ok" ? status : undefined;
    });
  }
}
