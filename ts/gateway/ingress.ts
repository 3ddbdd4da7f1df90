/**
 * The way in: pulls the inbox, gives every event its lane, and tells the inbox
 * how far each one is. An event is finished exactly once: settled when it was
 * answered or silence was decided, failed when it is to come again.
 */
import { setTimeout } from "node:timers/promises";
import { type ResolvedMatrixAccount, roomConfig } from "../config/accounts.ts";
import type { Drop } from "../inbound/drop.ts";
import { UnansweredTurn } from "../inbound/failure.ts";
import { handleEdit } from "../inbound/edit.ts";
import { handleMessage } from "../inbound/message.ts";
import type { InboundPorts, TurnProgress } from "../inbound/ports.ts";
import { handleReaction, handleRedaction } from "../inbound/reaction.ts";
import { refusalOf } from "../inbound/refusal.ts";
import { skippedLine } from "../inbound/skipped.ts";
import { turnKey } from "../inbound/turn-key.ts";
import type { InboundEvent, InboundMessage, InboundReaction, InboundSkipped } from "../native/account.ts";
import { isMatrixError } from "../native/errors.ts";
import { handleInvite } from "./invites.ts";
import { Lanes } from "./lanes.ts";
import { ownMembership, roomReplaced } from "./own-rooms.ts";
import { oncePerTurn } from "./registry.ts";

/** Events under way in one account; further ones wait in the inbox on disk. */
const UNDER_WAY = 256;
const BATCH = 32;
/** How long a session may be under recovery before its messages count as failed, in milliseconds: an agent's turn may take that long. */
const RECOVERY_PATIENCE_MS = 60 * 60_000;

export interface IngressHooks {
  /** Something a person did reached us. */
  onInbound: (at: number) => void;
  /** The host has taken a message; time for its receipt. */
  onAdopted: (event: InboundMessage) => Promise<void>;
  /** Whether a reaction was to the prompt of an approval; the agent does not hear of those. */
  answersPrompt: (event: InboundReaction) => Promise<boolean>;
  /** Pause before a refused turn is offered again, in milliseconds; 1 for the first time. */
  delay: (attempt: number) => number;
  /** Pause before a join that failed is tried again, in milliseconds. */
  joinDelay: (attempt: number) => number;
}

/**
 * The lane of an event: its thread where it has one, else its room. With `threadReplies` off a thread
 * shares its room's session, hence its lane; whether the room is a DM is not known yet, so either key counts.
 */
export function laneOf(event: InboundEvent, resolved: ResolvedMatrixAccount, names: readonly string[] = []): string {
  const { config } = resolved;
  const room = roomConfig(resolved, { roomId: event.roomId, aliases: names }).entry;
  const shared = [room?.threadReplies ?? config.threadReplies, config.dm?.threadReplies ?? config.threadReplies].includes("off");
  const thread = event.type === "message" && !shared ? event.threadRootId : undefined;
  return JSON.stringify([event.roomId, thread ?? null]);
}

/** Runs until the account is closed; resolves when no event is under way any more. */
export async function runIngress(ports: InboundPorts, hooks: IngressHooks): Promise<void> {
  const lanes = new Lanes(UNDER_WAY);
  for await (const batch of ports.account.batches({ max: BATCH })) {
    for (const event of batch) {
      lanes.add(laneOf(event, ports.resolved(), ports.names.knownNames(event.roomId)), (release) => handleEvent(event, ports, hooks, release));
    }
    await lanes.room();
  }
  await lanes.idle();
}

async function handleEvent(event: InboundEvent, ports: InboundPorts, hooks: IngressHooks, release: () => void): Promise<void> {
  if (event.type === "skipped") return handleSkipped(event, ports);
  const { identity } = ports.account;
  const run = async () => {
    switch (event.type) {
      case "message":
        if (event.sender !== identity.userId) hooks.onInbound(event.receivedAt);
        return handleTurn(event, ports, hooks, release, (progress) => handleMessage(event, ports, progress));
      case "reaction":
        if (await hooks.answersPrompt(event)) return;
        return handleTurn(event, ports, hooks, release, (progress) => handleReaction(event, ports, progress));
      case "redaction":
        return handleRedaction(event, ports);
      case "invite":
        return handleInvite(event, ports, hooks.joinDelay);
      case "membership":
        // An introduction takes a model's time; the room's messages do not wait for it.
        release();
        return event.own ? ownMembership(event, ports) : undefined;
      case "other":
        return event.eventType === "m.room.tombstone" ? roomReplaced(event, ports) : undefined;
      case "edit":
        return handleEdit(event, ports);
      default:
        return;
    }
  };
  try {
    const key = JSON.stringify([identity.userId, identity.deviceId, event.roomId, event.eventId ?? `invite:${event.sender}`]);
    await oncePerTurn(key, run);
    await ports.account.settle([event.seq]);
    ports.failures.delete(event.seq);
  } catch (error) {
    await giveBack(event, ports, error);
  }
}

/** Something that may become a turn, from its place in the lane to its end. */
async function handleTurn(
  event: InboundMessage | InboundReaction,
  ports: InboundPorts,
  hooks: IngressHooks,
  release: () => void,
  run: (progress: TurnProgress) => Promise<Drop | undefined>,
): Promise<void> {
  let taken = false;
  const attempt = () =>
    run({
      released: release,
      adopted: async () => {
        taken = true;
        // The turn is the host's now; an account that closed meanwhile must not stop it.
        await ports.account.adopt([event.seq]).catch((error: unknown) => {
          ports.log.debug?.(`[${ports.accountId}] adoption in ${event.roomId} not stored: ${String(error)}`);
        });
        if (event.type === "message") await hooks.onAdopted(event);
      },
    });
  const drop = await offer(attempt, () => taken, async (error, tries) => {
    ports.log.debug?.(`[${ports.accountId}] a turn in ${event.roomId} is offered again: ${String(error)}`);
    await setTimeout(hooks.delay(tries));
  });
  if (drop) ports.drops.record(event.roomId, drop);
}

/**
 * Offers a turn until the host takes it. While it drains or recovers the session it refuses before it has
 * taken anything; the turn is then offered again from its place in the lane, so that later messages do not
 * overtake it, for as long as the account is open. Any other error before the host took the turn gets one more try.
 */
async function offer(
  attempt: () => Promise<Drop | undefined>,
  taken: () => boolean,
  refused: (error: unknown, tries: number) => Promise<void>,
): Promise<Drop | undefined> {
  const begun = Date.now();
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (taken() || isMatrixError(error) || error instanceof UnansweredTurn) throw error;
      const refusal = refusalOf(error);
      const patient = refusal === "draining" || (refusal === "recovering" && Date.now() - begun < RECOVERY_PATIENCE_MS);
      if (!patient && tries > 1) throw error;
      await refused(error, tries);
    }
  }
}

/** Said in the log at once, and to the agent with the room's next turn; the inbox keeps it until then. */
async function handleSkipped(notice: InboundSkipped, ports: InboundPorts): Promise<void> {
  if (notice.attempts === 0) ports.log.warn(skippedLine(ports.accountId, ports.path, notice));
  const told = ports.skipped.add(notice).map(({ seq }) => seq);
  if (told.length > 0) await ports.account.settle(told).catch(() => undefined);
}

/** The event comes again after a pause; after its last try it stays as a dead letter. */
async function giveBack(event: InboundEvent, ports: InboundPorts, error: unknown): Promise<void> {
  const reason = error instanceof Error ? error.message : String(error);
  const name = `${event.type} ${event.eventId ?? `of ${event.sender}`} in ${event.roomId}`;
  if (refusalOf(error) === "draining") {
    ports.log.info(`[${ports.accountId}] ${name} waits for the gateway's next start: ${reason}`);
    return;
  }
  try {
    const { deadLetter } = await ports.account.fail(event.seq, reason);
    ports.failures.set(event.seq, (ports.failures.get(event.seq) ?? 0) + 1);
    const what = `[${ports.accountId}] ${name} failed: ${reason}`;
    if (deadLetter) ports.log.error(`${what}; given up after ${event.attempts + 1} tries, kept as a dead letter; see \`openclaw matrix dead-letters list --account ${ports.accountId}\``);
    else ports.log.warn(`${what}; it will be tried again`);
    if (deadLetter && error instanceof UnansweredTurn) await tellUnanswered(event, ports, error);
  } catch (failure) {
    // A closed account keeps the row; the next start hands it out again.
    ports.log.debug?.(`[${ports.accountId}] ${name} waits for the next start: ${reason} (${String(failure)})`);
  }
}

/** Nobody is left waiting for an answer that will not come; what the host has to say of the cause is for them. */
async function tellUnanswered(event: InboundEvent, ports: InboundPorts, error: UnansweredTurn): Promise<void> {
  await ports.account
    .sendText({
      roomId: error.roomId,
      threadRootId: error.threadRootId,
      markdown: error.message,
      kind: "notice",
      key: `${turnKey(event)}:unanswered`,
      chunkLimit: 4000,
      chunkMode: "length",
      tables: "block",
    })
    .catch((failure: unknown) => ports.log.debug?.(`[${ports.accountId}] no notice of the failure in ${error.roomId}: ${String(failure)}`));
}
