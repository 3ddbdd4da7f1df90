/**
 * Whether a sender's encryption keys are good enough for an answer (ENC-12). The
 * core says what is known of them; what to make of it stands in `trust`.
 */
import type { InboundMessage, RoomInfo } from "../native/account.ts";
import type { Drop } from "./drop.ts";
import type { InboundPorts } from "./ports.ts";

/** Signed by its owner, at least. */
function isSigned(trust: InboundMessage["senderTrust"]): boolean {
  return trust === "verified" || trust === "cross-signed";
}

/**
 * @returns why the message is not answered; undefined if nothing about its keys speaks against it
 * @throws what the homeserver answered when it had to be asked; the message is then to be tried again
 */
export async function trustDrop(event: InboundMessage, room: RoomInfo, ports: Pick<InboundPorts, "account" | "resolved" | "path">): Promise<Drop | undefined> {
  const { receive = "any", onIdentityChange = "warn" } = ports.resolved().config.trust ?? {};
  const key = `${ports.path}.trust`;
  const strict = receive === "cross-signed";
  if (strict && room.encrypted && !event.encrypted) {
    // Whoever may forge a sender would not take the trouble to encrypt.
    return { reason: "sent_in_clear", hint: `${key}.receive is "cross-signed", so that messages without encryption do not count in an encrypted room` };
  }
  const doubtful = event.encrypted && !isSigned(event.senderTrust);
  if (onIdentityChange !== "block" && !(strict && doubtful)) return undefined;
  const known = await ports.account.checkSender({
    roomId: event.roomId,
    userId: event.sender,
    // An identity that was replaced shows in a device that the former one has not signed.
    sessionId: doubtful ? event.sessionId : undefined,
  });
  if (onIdentityChange === "block" && known.identityChanged) {
    return {
      reason: "identity_changed",
      hint: `${key}.onIdentityChange is "block"; \`openclaw channels status\` says whose identity changed, and \`openclaw matrix verify acknowledge <user id>\` accepts it`,
    };
  }
  if (strict && doubtful && !isSigned(known.trust)) {
    const trust = known.trust ?? event.senderTrust;
    return {
      reason: "sender_not_cross_signed",
      detail: trust,
      hint: `${key}.receive is "cross-signed"; ${trust === "unsigned" ? "the sender has to verify the device they write from" : "the sender's device is not known any more, so that nobody can tell whose it was"}`,
    };
  }
  return undefined;
}

/**
 * An answer to an approval decides what runs on the gateway's machine: with `trust.approvals: "verified"` it
 * comes encrypted and from somebody this account has verified, or it does not count.
 *
 * @param text the message without its address
 */
export function approvalDrop(event: InboundMessage, text: string, ports: Pick<InboundPorts, "resolved" | "path">): Drop | undefined {
  if (ports.resolved().config.trust?.approvals !== "verified" || !/^\/?approve\b/i.test(text.trim())) return undefined;
  if (event.encrypted && event.senderTrust === "verified") return undefined;
  return { reason: "approval_not_verified", detail: event.encrypted ? event.senderTrust : "sent_in_clear", hint: `${ports.path}.trust.approvals is "verified"; verify the person with \`openclaw matrix verify\`, and write in an encrypted room` };
}
