/** A place on the map (LOC-2): an event of its own, beside no text. */
import type { OutboundLocation } from "../host/location.ts";
import type { Sent } from "../native/account.ts";
import { deliveryError } from "./failure.ts";
import { type OutboundAccount, type OutboundText, resolveRoom } from "./send.ts";

/** @param message its text is not sent: what is there has a name and an address */
export async function sendOutboundLocation({ account, noteThread }: OutboundAccount, message: Omit<OutboundText, "text" | "extra">, location: OutboundLocation): Promise<Sent & { roomId: string }> {
  const roomId = await resolveRoom(account, message.to);
  const { latitude, longitude, accuracy, name, address } = location;
  const description = [name, address].filter((line) => line !== undefined).join(", ");
  await message.beforeSend?.();
  try {
    const sent = await account.sendLocation({
      roomId,
      threadRootId: message.threadRootId,
      replyToId: message.replyToId,
      latitude,
      longitude,
      uncertainty: accuracy,
      description: description === "" ? undefined : description,
      key: message.key,
    });
    if (message.threadRootId) await noteThread?.(roomId, message.threadRootId);
    return { ...sent, roomId };
  } catch (error) {
    throw await deliveryError(account, { key: message.key, roomId, text: description }, error);
  }
}
