/**
 * Follows an account's verifications: accepts or refuses what others ask, and tells each
 * stage. It confirms none: that is a person's command (VER-8).
 */
import type { ResolvedMatrixAccount } from "../config/accounts.ts";
import type { ChannelLogSink } from "../host/types.ts";
import type { Account } from "../native/account.ts";
import { isMatrixError } from "../native/errors.ts";
import type { Verification } from "../native/verification.ts";
import { judgeVerification } from "./policy.ts";
import { logText, noticeText, type Stage, stageOf } from "./stages.ts";

export interface FollowInput {
  account: Account;
  accountId: string;
  resolved: () => ResolvedMatrixAccount;
  path: string;
  /** `commands.ownerAllowFrom` as it is now. */
  owners: () => readonly (string | number)[];
  /** Users whose pairing request was approved. */
  paired: () => Promise<readonly string[]>;
  log: ChannelLogSink;
}

/** What is known of one verification. */
interface Followed {
  /** In order; one step at a time. */
  turn: Promise<void>;
  told: Set<Stage>;
  /** What was decided of a request of theirs; until then, and after a refusal, they are told nothing. */
  verdict?: "accepted" | "refused";
  /** Where they are told, once that is known. */
  room?: string;
}

/** Runs until the account is closed. */
export async function followVerifications(input: FollowInput): Promise<void> {
  const known = new Map<string, Followed>();
  for (let version = 0; ; ) {
    const now = await input.account.verificationsAfter(version);
    if (!now) break;
    version = now.version;
    const ids = new Set(now.verifications.map(({ id }) => id));
    for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    for (const one of now.verifications) {
      const followed: Followed = known.get(one.id) ?? { turn: Promise.resolve(), told: new Set<Stage>() };
      known.set(one.id, followed);
      followed.turn = followed.turn.then(() => advance(input, followed, one, now.armedUntil)).catch((error: unknown) => {
        if (!isMatrixError(error, "closed")) input.log.warn(`[${input.accountId}] ${one.id}: ${error instanceof Error ? error.message : String(error)}`);
      });
    }
  }
  await Promise.all([...known.values()].map(({ turn }) => turn));
}

async function advance(input: FollowInput, followed: Followed, one: Verification, armedUntil: number | undefined): Promise<void> {
  if (one.canAccept && followed.verdict === undefined) await judge(input, followed, one, armedUntil);
  if (followed.verdict === "refused") return;
  const stage = stageOf(one);
  if (stage === undefined || followed.told.has(stage)) return;
  followed.told.add(stage);
  input.log.info(logText(one, stage, input.accountId));
  await notify(input, followed, one, stage);
}

/** Accepts the request, or refuses it and says which key would allow it. */
async function judge(input: FollowInput, followed: Followed, one: Verification, armedUntil: number | undefined): Promise<void> {
  const { account, accountId, log } = input;
  const verdict = await judgeVerification(one, {
    account: input.resolved(),
    path: input.path,
    owners: input.owners(),
    paired: input.paired,
    armedUntil,
    now: Date.now(),
  });
  followed.verdict = verdict.accept ? "accepted" : "refused";
  if (!verdict.accept) {
    log.warn(`[${accountId}] ${one.id}: the request of ${one.otherUserId} to verify was refused; ${verdict.hint}`);
    await account.cancelVerification({ id: one.id }, { code: "m.user", reason: "The request was refused." });
    return;
  }
  log.info(`[${accountId}] ${one.id}: the request of ${one.otherUserId} to verify is accepted (${verdict.why})`);
  followed.told.add("request");
  await notify(input, followed, one, "request");
  await account.acceptVerification({ id: one.id });
}

async function notify({ account, accountId, log }: FollowInput, followed: Followed, one: Verification, stage: Stage): Promise<void> {
  // The account's own user has the other device in front of them.
  if (one.isSelfVerification || !(one.initiatedByMe || followed.verdict === "accepted")) return;
  followed.room ??= await strictDm(account, one).catch(() => undefined);
  if (followed.room === undefined) return;
  await account
    .sendText({
      roomId: followed.room,
      markdown: noticeText(one, stage, accountId),
      kind: "notice",
      key: `verification:${one.transactionId}:${stage}`,
      chunkLimit: 4000,
      chunkMode: "length",
      tables: "off",
      waitMs: 0,
    })
    .catch((error: unknown) => log.debug?.(`[${accountId}] no notice of ${one.id} in ${followed.room}: ${String(error)}`));
}

/** The room in which nobody but the two of us reads; undefined without one. */
async function strictDm(account: Account, { roomId, otherUserId }: Verification): Promise<string | undefined> {
  const room = roomId ?? (await account.findDm(otherUserId));
  if (room === undefined) return undefined;
  const { joinedMemberCount, invitedMemberCount, otherMembers } = await account.roomInfo(room);
  const alone = joinedMemberCount === 2 && invitedMemberCount === 0 && otherMembers.length === 1 && otherMembers[0] === otherUserId;
  return alone ? room : undefined;
}
