/** `openclaw matrix explain --room … --user …`: which rule allows or refuses, and what to change. */
import { EXPLAIN_METHOD, type ExplainedMessage, type ExplainParams, type ExplainReport, readExplain } from "../operations/explain.ts";
import { requiredOption } from "./options.ts";
import { type CommandHost, type CommandOptions, type CommandOutcome, onGatewayOr } from "./run.ts";
import { inline, moment } from "./text.ts";

export interface ExplainOptions extends CommandOptions {
  room?: string;
  user?: string;
}

export async function explain(host: CommandHost, options: ExplainOptions): Promise<CommandOutcome> {
  const params: ExplainParams = readExplain({ room: requiredOption(options.room, "--room"), user: requiredOption(options.user, "--user") });
  const report = await onGatewayOr<ExplainReport>(host, options.account, EXPLAIN_METHOD, { ...params }, async () => {
    throw new Error("This asks the running gateway, which knows the rooms and the rules in force; start it with `openclaw gateway run`.");
  });
  return { json: report, lines: explainLines(report), exitCode: 0 };
}

const KINDS: Readonly<Record<string, string>> = {
  listed_in_groups: "it has an entry of its own in groups",
  more_than_two: "there are more than two people in it",
  account_data: "m.direct names it",
  member_is_direct: "it was made as a direct message (is_direct)",
  two_unnamed: "two people and no name",
  named_room: "it has a name or an alias",
};

function messageLine(what: string, message: ExplainedMessage | null): string[] {
  if (message === null) return [];
  if (message.outcome === "answered") return [`${what}: answered`];
  const code = [message.reason, message.detail].filter((part) => part !== null && part !== "").join(": ");
  const word = message.outcome === "pairing" ? "not answered, the sender is sent a pairing code" : "not answered";
  return [`${what}: ${word} (${inline(code)})`, ...(message.fix === null ? [] : [`  To change that: ${inline(message.fix)}.`])];
}

export function explainLines(report: ExplainReport): string[] {
  const { room, policy } = report;
  const name = room.name === null ? "" : ` "${inline(room.name)}"`;
  const lines = [`Account ${inline(report.accountId)} (${inline(report.userId)}), room ${inline(room.roomId)}${name}, user ${inline(report.user)}`];
  if (report.invite !== null) {
    lines.push(`The account is not in this room (membership: ${inline(room.membership)}).`);
    lines.push(`An invite from this user: ${report.invite.accepted ? `accepted (${report.invite.because})` : `left pending (${report.invite.because})`}`);
    if (report.invite.fix !== null) lines.push(`  To change that: ${inline(report.invite.fix)}.`);
  } else {
    if (room.kind !== null) lines.push(`Taken for a ${room.kind === "direct" ? "direct message" : "room"}: ${KINDS[room.because ?? ""] ?? room.because} (${room.because})`);
    if (policy.dmPolicy !== null) lines.push(`Policy: dm.policy ${policy.dmPolicy}`);
    if (policy.groupPolicy !== null) {
      lines.push(`Policy: groupPolicy ${policy.groupPolicy}, ${room.entry === null ? "no entry in groups" : `entry ${inline(room.entry)} in groups`}${policy.requireMention === null ? "" : policy.requireMention ? ", mention required" : ", no mention required"}`);
    }
    if (report.agentId !== null) lines.push(`Goes to: agent ${inline(report.agentId)}, session ${inline(report.sessionKey ?? "?")}`);
    lines.push(...messageLine("A message", report.message), ...messageLine("A message that mentions the bot", report.mention), ...messageLine("A command", report.command));
  }
  if (report.drops.length > 0) {
    lines.push("Not answered here since the account started:");
    for (const drop of report.drops) lines.push(`  ${drop.count} × ${inline(drop.reason)}${drop.detail === null ? "" : ` (${inline(drop.detail)})`}, last at ${moment(Date.parse(drop.lastAt))}`);
  }
  return lines;
}
