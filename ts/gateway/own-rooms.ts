/** What happens to the rooms we are in: joined, thrown out, replaced (INV-6, INV-7). */
import { introduceInRoom, type RoomIntroContext } from "../host/join-intro.ts";
import { personLabel, roomLabel, topicLine } from "../inbound/label.ts";
import { judgeInvite, viaServers } from "../inbound/invite.ts";
import type { InboundPorts } from "../inbound/ports.ts";
import { findPlace, gateOf } from "../inbound/prepare.ts";
import type { InboundMembership, InboundOther } from "../native/account.ts";
import { inviteRules } from "./invites.ts";

/**
 * Our own membership changed. Only the step from outside into the room counts as joining: what the
 * first sync finds, a new name and a renewed membership do not.
 *
 * @param introduce the host's part; tests bring their own
 */
export async function ownMembership(event: InboundMembership, ports: InboundPorts, introduce: typeof introduceInRoom = introduceInRoom): Promise<void> {
  const { accountId, account } = ports;
  if (event.membership === "join" && event.previous !== "join") return introduction(event.roomId, ports, introduce);
  const out = event.membership === "leave" || event.membership === "ban";
  if (out && event.sender !== account.identity.userId && event.previous === "join") {
    ports.log.warn(`[${accountId}] ${event.membership === "ban" ? "banned" : "removed"} from ${event.roomId} by ${event.sender}; nothing there is heard any more`);
  }
}

async function introduction(roomId: string, ports: InboundPorts, introduce: typeof introduceInRoom): Promise<void> {
  const { account, accountId, path, runtime } = ports;
  const resolved = ports.resolved();
  if (resolved.config.joinIntro === false) return;
  const room = await account.roomInfo(roomId);
  if (room.membership !== "join") return;
  const place = await findPlace(room, resolved, ports);
  if (place.direct) return;
  const cfg = ports.cfg();
  const gate = gateOf(place, resolved, cfg, path);
  const route = runtime.channel.routing.resolveAgentRoute({ cfg, channel: "matrix", accountId, peer: { kind: "channel", id: roomId } });
  const outcome = await introduce({
    cfg,
    channel: "matrix",
    accountId,
    conversationId: roomId,
    deliverTo: `room:${roomId}`,
    roomAllowed: gate.open,
    route: { agentId: route.agentId, sessionKey: route.sessionKey },
    resolveRoomContext: async ({ messageLimit }): Promise<RoomIntroContext> => {
      const facts = { title: roomLabel(room), purpose: topicLine(room.topic) };
      try {
        const messages = await account.recentMessages(roomId, messageLimit);
        const allowed = gate.open && gate.senders.policy === "allowlist" ? await ports.names.people(gate.senders.allowFrom, resolved.config) : undefined;
        const all = (resolved.config.contextVisibility ?? cfg.channels?.defaults?.contextVisibility ?? "all") === "all";
        const visible = messages.filter(({ sender }) => all || allowed === undefined || allowed.includes("*") || allowed.includes(sender));
        return { ...facts, recentMessages: visible.map(({ sender, senderName, text }) => ({ sender: personLabel(senderName, sender), text })) };
      } catch (error) {
        ports.log.debug?.(`[${accountId}] no history of ${roomId} for the introduction: ${String(error)}`);
        return { ...facts, historyUnavailable: true };
      }
    },
  });
  const reason = outcome.kind === "posted" ? "" : `: ${outcome.reason}`;
  ports.log.debug?.(`[${accountId}] introduction in ${roomId} ${outcome.kind}${reason}`);
}

/** The room was replaced by another one: into that, if invites to it, or to this one, are accepted. */
export async function roomReplaced(event: InboundOther, ports: InboundPorts): Promise<void> {
  const { account, accountId, path } = ports;
  const successor = replacement(event.content);
  if (successor === undefined) {
    ports.log.warn(`[${accountId}] ${event.roomId} was closed by ${event.sender} and has no successor`);
    return;
  }
  const said = `[${accountId}] ${event.roomId} was replaced by ${successor}`;
  const rules = inviteRules(ports);
  const verdicts = [await judgeInvite({ roomId: successor, sender: event.sender }, rules), await judgeInvite({ roomId: event.roomId, sender: event.sender }, rules)];
  const listed = ports.resolved().config.groups?.[event.roomId] !== undefined;
  const entry = listed ? `; ${path}.groups lists the old room: give ${JSON.stringify(successor)} an entry, too` : "";
  if (!verdicts.some(({ accept }) => accept)) {
    ports.log.warn(`${said}; it is not followed (invite_not_allowed): add ${JSON.stringify(successor)} to ${path}.autoJoinAllowlist${entry}`);
    return;
  }
  try {
    await account.joinRoom(successor, viaServers({ roomId: event.roomId, sender: event.sender }));
    ports.log.warn(`${said}, which was joined${entry}`);
  } catch (error) {
    // A closed room is joined on invite, and the invite is judged by the same rules when it comes.
    ports.log.warn(`${said}, which could not be joined: ${error instanceof Error ? error.message : String(error)}. Invite the bot there${entry}`);
  }
}

function replacement(content: string): string | undefined {
  try {
    const { replacement_room: roomId } = JSON.parse(content) as { replacement_room?: unknown };
    return typeof roomId === "string" && roomId.startsWith("!") ? roomId : undefined;
  } catch {
    return undefined;
  }
}
