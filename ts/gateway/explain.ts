/**
 * Why is it silent? Puts messages that nobody has sent through the very rules that real ones go
 * through, and says what each rule made of them. Nothing is sent, stored or told to the agent.
 */
import { judgeInvite } from "../inbound/invite.ts";
import type { Drop } from "../inbound/drop.ts";
import type { InboundPorts } from "../inbound/ports.ts";
import { type Findings, prepare } from "../inbound/prepare.ts";
import type { InboundMessage } from "../native/account.ts";
import { isMatrixError, MatrixError } from "../native/errors.ts";
import type { ExplainedMessage, ExplainParams, ExplainReport } from "../operations/explain.ts";
import { inviteRules } from "./invites.ts";

async function roomIdOf(room: string, ports: InboundPorts): Promise<string> {
  if (room.startsWith("!")) return room;
  const found = await ports.account.resolveAlias(room);
  if (!found) throw new MatrixError("not_found", `There is no room ${room}.`);
  return found.roomId;
}

function imagined(roomId: string, sender: string, text: string, now: number): InboundMessage {
  return {
    type: "message",
    seq: 0,
    roomId,
    eventId: "$explain",
    sender,
    originServerTs: now,
    receivedAt: now,
    encrypted: false,
    attempts: 0,
    late: false,
    kind: "text",
    body: text,
    text,
    media: [],
    pills: [],
    live: false,
  };
}

function droppedFor({ reason, detail, hint }: Drop): ExplainedMessage {
  return { outcome: "dropped", reason, detail: detail ?? null, fix: hint ?? null };
}

async function outcome(message: InboundMessage, ports: InboundPorts, findings: Findings): Promise<ExplainedMessage> {
  const preparation = await prepare(message, ports, { findings });
  if (preparation.kind === "answer") return { outcome: "answered", reason: null, detail: null, fix: null };
  if (preparation.kind === "drop") return droppedFor(preparation.drop);
  const { accountId } = ports;
  return {
    outcome: "pairing",
    reason: "pairing_pending",
    detail: null,
    fix: `approve the code the sender is given with \`openclaw pairing approve matrix <CODE> --account ${accountId}\`, or add the sender to ${ports.path}.dm.allowFrom`,
  };
}

export async function explain({ room, user }: ExplainParams, ports: InboundPorts): Promise<ExplainReport> {
  const { account, accountId } = ports;
  const { userId } = account.identity;
  const roomId = await roomIdOf(room, ports);
  const known = await account.roomInfo(roomId).catch((error: unknown) => {
    if (isMatrixError(error, "not_found")) return undefined;
    throw error;
  });
  const report: ExplainReport = {
    accountId,
    userId,
    user,
    room: { roomId, name: known?.name ?? null, membership: known?.membership ?? "unknown", kind: null, because: null, entry: null },
    policy: { dmPolicy: null, groupPolicy: null, requireMention: null },
    agentId: null,
    sessionKey: null,
    message: null,
    mention: null,
    command: null,
    invite: null,
    drops: ports.drops.of(roomId).map(({ drop, count, lastAt }) => ({
      reason: drop.reason,
      detail: drop.detail ?? null,
      fix: drop.hint ?? null,
      count,
      lastAt: new Date(lastAt).toISOString(),
    })),
  };
  if (known?.membership !== "join") {
    const verdict = await judgeInvite({ roomId, sender: user }, inviteRules(ports));
    report.invite = { accepted: verdict.accept, because: verdict.accept ? verdict.why : "invite_not_allowed", fix: verdict.accept ? null : verdict.hint };
    return report;
  }
  const now = ports.now();
  const findings: Findings = {};
  report.message = await outcome(imagined(roomId, user, "Hello.", now), ports, findings);
  report.mention = await outcome(imagined(roomId, user, `${userId}: Hello.`, now), ports, { ...findings });
  report.command = await outcome(imagined(roomId, user, `${userId} /status`, now), ports, { ...findings });
  report.room.kind = findings.conversation?.kind ?? null;
  report.room.because = findings.conversation?.reason ?? null;
  report.room.entry = findings.matched ?? null;
  report.policy = { dmPolicy: findings.dmPolicy ?? null, groupPolicy: findings.groupPolicy ?? null, requireMention: findings.requireMention ?? null };
  report.agentId = findings.agentId ?? null;
  report.sessionKey = findings.sessionKey ?? null;
  return report;
}
