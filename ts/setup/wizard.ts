/** The questions of `openclaw channels add` (WIZ-1), in the order in which one answer decides the next. */
import { homeserverUrlProblem } from "../config/account-problem.ts";
import {
  DEFAULT_DEVICE_NAME,
  type HostConfig,
  listMatrixAccountIds,
  type MatrixAccountConfig,
  normalizeAccountId,
  resolveDefaultMatrixAccountId,
  resolveMatrixAccount,
} from "../config/accounts.ts";
import { processEnvironment } from "../config/env.ts";
import { isPrivate } from "../config/private-host.ts";
import { normalizeRoomKey } from "../config/rooms.ts";
import type { ChannelSetupWizardAdapter, WizardPrompter } from "../host/setup.ts";
import { editAccount, writtenAccount } from "../config/edit.ts";

type ConfigureContext = Parameters<ChannelSetupWizardAdapter["configure"]>[0];
type ConfigureResult = Awaited<ReturnType<ChannelSetupWizardAdapter["configure"]>>;

/** What the questions work on. */
interface Session {
  prompter: WizardPrompter;
  cfg: HostConfig;
  accountId: string;
}

/** Comma, semicolon, blank or new line between entries. */
export function splitEntries(text: string): string[] {
  return text.split(/[\s,;]+/).filter((entry) => entry !== "");
}

/** Why this is no user id; undefined when it is one, `*` or an access group. */
export function userEntryProblem(entry: string): string | undefined {
  if (entry === "*" || /^accessGroup:\S+$/.test(entry) || /^@[^:\s]+:\S+$/.test(entry)) return undefined;
  return `${entry} is not a full user id: write it like @you:example.org`;
}

/** Why this is no room; undefined when it is a room id, an alias or `*`. */
export function roomEntryProblem(entry: string): string | undefined {
  const key = normalizeRoomKey(entry);
  if (key === "*" || /^![^\s]+$/.test(key) || /^#[^:\s]+:\S+$/.test(key)) return undefined;
  return `${entry} is not a room: write its id, like !abc:example.org, or its alias, like #room:example.org`;
}

function everyEntry(check: (entry: string) => string | undefined) {
  return (text: string) => splitEntries(text).map(check).find((problem) => problem !== undefined);
}

function needed(text: string): string | undefined {
  return text.trim() === "" ? "This is needed." : undefined;
}

function edit(session: Session, keys: Partial<MatrixAccountConfig>): void {
  session.cfg = editAccount(session.cfg, session.accountId, keys);
}

async function chooseAccount(ctx: ConfigureContext): Promise<string> {
  const stated = ctx.accountOverrides.matrix;
  if (stated) return normalizeAccountId(stated);
  const known = listMatrixAccountIds(ctx.cfg);
  const byDefault = resolveDefaultMatrixAccountId(ctx.cfg);
  if (known.length === 0 || (!ctx.shouldPromptAccountIds && known.length === 1)) return byDefault;
  const picked = await ctx.prompter.select<string>({
    message: "Which Matrix account?",
    options: [...known.map((id) => ({ value: id, label: id })), { value: "", label: "A new account" }],
    initialValue: byDefault,
  });
  if (picked) return picked;
  const name = await ctx.prompter.text({ message: "Name of the new account", placeholder: "ops", validate: needed });
  return normalizeAccountId(name);
}

/** Offers the variables of the environment for an account that has no login of its own (WIZ-2). */
async function useEnvironment(session: Session): Promise<boolean> {
  const written = writtenAccount(session.cfg, session.accountId);
  if (written.accessToken || written.password) return false;
  const bare: HostConfig = { channels: { matrix: {} } };
  if (!resolveMatrixAccount(bare, session.accountId, processEnvironment(), () => false).configured) return false;
  const yes = await session.prompter.confirm({ message: "Use the Matrix login from the MATRIX_* environment variables?", initialValue: true });
  if (!yes) return false;
  edit(session, { enabled: true });
  const { homeserver } = resolveMatrixAccount(session.cfg, session.accountId, processEnvironment());
  return homeserver === undefined || allowNetwork(session, await isPrivate(homeserver));
}

/** A homeserver on a private network is a person's decision (WIZ-4). */
async function allowNetwork(session: Session, onPrivateNetwork: boolean): Promise<boolean> {
  if (!onPrivateNetwork || resolveMatrixAccount(session.cfg, session.accountId).allowPrivateNetwork) return true;
  const allowed = await session.prompter.confirm({ message: "This homeserver is on a private network. Allow it?", initialValue: true });
  if (allowed) edit(session, { network: { dangerouslyAllowPrivateNetwork: true }, allowPrivateNetwork: undefined });
  return allowed;
}

async function askHomeserver(session: Session): Promise<void> {
  const { homeserver: current } = resolveMatrixAccount(session.cfg, session.accountId);
  const homeserver = (
    await session.prompter.text({
      message: "URL of the homeserver, or its server name",
      initialValue: current,
      placeholder: "https://matrix.example.org",
      validate: (text) => needed(text) ?? capitalised(homeserverUrlProblem(text.trim())),
    })
  ).trim();
  const onPrivateNetwork = await isPrivate(homeserver);
  if (homeserver.startsWith("http:") && !onPrivateNetwork) {
    await session.prompter.note("An http: homeserver is possible on a private network only. Please give its https: URL.", "Not encrypted");
    return askHomeserver(session);
  }
  edit(session, { enabled: true, homeserver });
  if (!(await allowNetwork(session, onPrivateNetwork))) return askHomeserver(session);
}

function capitalised(problem: string | undefined): string | undefined {
  return problem && `This ${problem}.`;
}

async function askLogin(session: Session): Promise<void> {
  const written = writtenAccount(session.cfg, session.accountId);
  if (written.accessToken || written.password) {
    if (await session.prompter.confirm({ message: "Keep the login that is configured?", initialValue: true })) return;
  }
  const method = await session.prompter.select<"token" | "password">({
    message: "How does the bot log in?",
    options: [
      { value: "password", label: "Password", hint: "gets a device of its own" },
      { value: "token", label: "Access token", hint: "from a login made for the bot, not copied out of another client" },
    ],
    initialValue: "password",
  });
  if (method === "token") {
    const accessToken = (await session.prompter.text({ message: "Access token", sensitive: true, validate: needed })).trim();
    edit(session, { accessToken, password: undefined });
    return;
  }
  const userId = (
    await session.prompter.text({
      message: "User id",
      initialValue: written.userId,
      placeholder: "@bot:example.org",
      validate: (text) => (/^@[^:\s]+:\S+$/.test(text.trim()) ? undefined : "Write it in full, like @bot:example.org."),
    })
  ).trim();
  const password = await session.prompter.text({ message: "Password", sensitive: true, validate: needed });
  edit(session, { userId, password, accessToken: undefined });
}

async function askDevice(session: Session): Promise<void> {
  const { deviceName, encryption } = resolveMatrixAccount(session.cfg, session.accountId);
  const name = (await session.prompter.text({ message: "Name of the device", initialValue: deviceName })).trim();
  edit(session, {
    deviceName: name === "" || name === DEFAULT_DEVICE_NAME ? undefined : name,
    encryption: await session.prompter.confirm({ message: "Take part in encrypted rooms?", initialValue: encryption }),
  });
}

/** Who may write to the bot directly (WIZ-5). */
export async function askDirectMessages(prompter: WizardPrompter, cfg: HostConfig, accountId: string): Promise<HostConfig> {
  const session: Session = { prompter, cfg, accountId };
  const { dm } = resolveMatrixAccount(cfg, accountId).config;
  const own = writtenAccount(cfg, accountId).dm;
  const listed = (dm?.allowFrom ?? []).map(String);
  const text = await prompter.text({
    message: "Who may write to the bot directly? (full user ids; empty: whoever you approve)",
    initialValue: listed.join(" "),
    placeholder: "@you:example.org",
    validate: everyEntry(userEntryProblem),
  });
  const allowFrom = splitEntries(text);
  if (allowFrom.includes("*")) edit(session, { dm: { ...own, policy: "open", allowFrom } });
  else if (allowFrom.length > 0) edit(session, { dm: { ...own, policy: "allowlist", allowFrom } });
  else edit(session, { dm: { ...own, policy: "pairing", allowFrom: undefined } });
  return session.cfg;
}

/** In which rooms the bot answers, and whom (WIZ-6). */
async function askRooms(session: Session): Promise<void> {
  const { config } = resolveMatrixAccount(session.cfg, session.accountId);
  const policy = await session.prompter.select<"allowlist" | "open" | "disabled">({
    message: "In which rooms does the bot answer?",
    options: [
      { value: "allowlist", label: "The ones I name", hint: "recommended" },
      { value: "open", label: "Every room it is in" },
      { value: "disabled", label: "None, direct messages only" },
    ],
    initialValue: config.groupPolicy ?? "allowlist",
  });
  edit(session, { groupPolicy: policy });
  if (policy === "disabled") return;
  if (policy === "allowlist") {
    const written = writtenAccount(session.cfg, session.accountId).groups ?? {};
    const text = await session.prompter.text({
      message: "Rooms, by id or alias",
      initialValue: Object.keys(written).join(" "),
      placeholder: "!abc:example.org #room:example.org",
      validate: everyEntry(roomEntryProblem),
    });
    edit(session, { groups: Object.fromEntries(splitEntries(text).map((room) => [room, written[room] ?? {}])) });
  }
  const senders = await session.prompter.text({
    message: "Who may ask it in rooms? (full user ids, * for everybody)",
    initialValue: (config.groupAllowFrom ?? config.dm?.allowFrom ?? []).map(String).join(" "),
    placeholder: "@you:example.org",
    validate: everyEntry(userEntryProblem),
  });
  edit(session, { groupAllowFrom: splitEntries(senders) });
}

/** Which invites are accepted (WIZ-7). */
async function askInvites(session: Session): Promise<void> {
  const { config } = resolveMatrixAccount(session.cfg, session.accountId);
  const autoJoin = await session.prompter.select<"allowlist" | "always" | "off">({
    message: "Which invites does the bot accept by itself?",
    options: [
      { value: "allowlist", label: "To the rooms I name", hint: "recommended" },
      { value: "always", label: "All of them", hint: "anybody can pull it into any room" },
      { value: "off", label: "None", hint: "direct messages included" },
    ],
    initialValue: config.autoJoin ?? "allowlist",
  });
  edit(session, { autoJoin });
  if (autoJoin !== "allowlist") return;
  const rooms = Object.keys(config.groups ?? {}).filter((room) => room !== "*");
  const text = await session.prompter.text({
    message: "Rooms whose invites it accepts, by id or alias",
    initialValue: (config.autoJoinAllowlist ?? rooms).map(String).join(" "),
    placeholder: "!abc:example.org #room:example.org",
    validate: everyEntry(roomEntryProblem),
  });
  edit(session, { autoJoinAllowlist: splitEntries(text) });
}

/** Asks everything and hands the configuration back to the host, which writes it. */
export async function configure(ctx: ConfigureContext): Promise<ConfigureResult> {
  const session: Session = { prompter: ctx.prompter, cfg: ctx.cfg, accountId: await chooseAccount(ctx) };
  if (!(await useEnvironment(session))) {
    await askHomeserver(session);
    await askLogin(session);
  }
  await askDevice(session);
  session.cfg = await askDirectMessages(ctx.prompter, session.cfg, session.accountId);
  await askRooms(session);
  await askInvites(session);
  return { cfg: session.cfg as ConfigureContext["cfg"], accountId: session.accountId };
}
