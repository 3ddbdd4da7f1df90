/** Finding messages by their words (ACT-16): homeservers cannot search what is encrypted, so the decrypted history is read back. */
import { jsonResult, readPositiveIntegerParam, readStringArrayParam, readStringParam } from "../host/action-results.ts";
import type { ChannelMessageActionContext } from "../host/types.ts";
import type { ReadMessage } from "../native/past.ts";
import type { OutboundAccount } from "../outbound/send.ts";
import { eventIdOf } from "../outbound/target.ts";
import { shownMessage } from "./past.ts";
import { assertMayRead } from "./scope.ts";
import { roomOf } from "./target.ts";

const DEFAULT_LIMIT = 20;
/** Messages of one page, the most the core gives. */
const PAGE = 200;
/** Pages looked through before the agent is asked whether to go on. */
const PAGES = 10;

export async function search(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const { params } = ctx;
  const words = readStringParam(params, "query", { required: true }).toLowerCase().split(/\s+/).filter(Boolean);
  const authors = [...(readStringArrayParam(params, "authorIds") ?? []), ...[readStringParam(params, "authorId") ?? []].flat()];
  const limit = readPositiveIntegerParam(params, "limit") ?? DEFAULT_LIMIT;
  const roomId = await roomOf(ctx, outbound);
  await assertMayRead(ctx, outbound, roomId);
  const fits = ({ text, filename, sender, unavailable }: ReadMessage): boolean => {
    if (unavailable || (authors.length > 0 && !authors.includes(sender))) return false;
    const said = `${text}\n${filename ?? ""}`.toLowerCase();
    return words.every((word) => said.includes(word));
  };
  let before = eventIdOf(readStringParam(params, "before"));
  const found: ReadMessage[] = [];
  let searched = 0;
  let oldest: ReadMessage | undefined;
  let more = true;
  for (let page = 0; page < PAGES && more && found.length < limit; page++) {
    const { messages, more: older } = await outbound.account.readMessages({ roomId, limit: PAGE, before });
    searched += messages.length;
    oldest = messages[0] ?? oldest;
    before = oldest?.eventId ?? before;
    found.push(...messages.filter(fits).toReversed());
    more = older && messages.length > 0;
  }
  const shown = found.slice(0, limit);
  // Where there are more hits on the page than wanted, the next search begins behind the last one told.
  const last = shown.length < found.length ? shown.at(-1) : undefined;
  const next = last?.eventId ?? (more ? before : undefined);
  return jsonResult({
    ok: true,
    roomId,
    matches: shown.map(shownMessage),
    searched,
    ...(oldest ? { searchedBackTo: new Date(oldest.originServerTs).toISOString() } : {}),
    // Give it as `before` to search on.
    ...(next === undefined ? {} : { before: next }),
  });
}
