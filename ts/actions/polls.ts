/** Asking, voting and ending polls (POL-1, POL-2, POL-4, POL-5). */
import { jsonResult, readStringArrayParam, readStringParam } from "../host/action-results.ts";
import type { ChannelMessageActionContext } from "../host/types.ts";
import type { Poll } from "../native/past.ts";
import { deliveryKey } from "../outbound/adapter.ts";
import type { OutboundAccount } from "../outbound/send.ts";
import { eventIdOf } from "../outbound/target.ts";
import { shownPoll } from "./shown-poll.ts";
import { destination, flag, handoff, messageIdOf, roomOf, threadOf } from "./target.ts";

export async function ask(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const { params } = ctx;
  const question = readStringParam(params, "pollQuestion", { required: true });
  const answers = readStringArrayParam(params, "pollOption", { required: true });
  const roomId = await roomOf(ctx, outbound);
  await handoff(ctx);
  const sent = await outbound.account.sendPoll({
    roomId,
    threadRootId: threadOf(ctx, destination(ctx)),
    replyToId: eventIdOf(readStringParam(params, "replyTo")),
    question,
    answers,
    maxSelections: flag(params, "pollMulti") ? answers.length : 1,
    // Votes are seen unless the poll is asked for as anonymous.
    disclosed: !flag(params, "pollAnonymous"),
    key: deliveryKey({}),
  });
  return jsonResult({ ok: true, pollId: sent.eventIds[0], messageId: sent.eventIds[0], roomId, state: sent.state });
}

export async function vote(ctx: ChannelMessageActionContext, outbound: OutboundAccount) {
  const eventId = readStringParam(ctx.params, "pollId") ? messageIdOf(ctx, { param: "pollId" }) : messageIdOf(ctx, { current: true });
  const roomId = await roomOf(ctx, outbound);
  const poll = await outbound.account.poll(roomId, eventId);
  if (!poll) throw new Error(`${eventId} is no poll of ${roomId}.`);
  if (flag(ctx.params, "pollEnd")) {
    await handoff(ctx);
    const sent = await outbound.account.endPoll(roomId, eventId);
    return jsonResult({ ok: true, ended: eventId, roomId, state: sent.state, poll: shownPoll({ ...poll, ended: true }) });
  }
  const answers = chosen(ctx.params, poll);
  await handoff(ctx);
  const sent = await outbound.account.vote({ roomId, eventId, answers });
  return jsonResult({ ok: true, pollId: eventId, voted: answers, roomId, responseId: sent.eventIds[0], state: sent.state });
}

/** Answers by id, by number, or by their very text. */
export function chosen(params: Record<string, unknown>, poll: Poll): string[] {
  const ids = [...(readStringArrayParam(params, "pollOptionIds") ?? []), ...[readStringParam(params, "pollOptionId") ?? []].flat()];
  const numbers = [params.pollOptionIndexes, params.pollOptionIndex].flat().filter((index) => index !== undefined && index !== null);
  const byNumber = numbers.map((index) => {
    const answer = poll.answers[Number(index) - 1];
    if (!answer) throw new Error(`The poll has no option ${String(index)}; it has ${poll.answers.length}.`);
    return answer.id;
  });
  const byId = ids.map((id) => {
    const answer = poll.answers.find((one) => one.id === id) ?? poll.answers.find((one) => one.text === id);
    if (!answer) throw new Error(`The poll has no option "${id}"; its options are ${poll.answers.map((one, index) => `${index + 1}. ${one.text}`).join(", ")}.`);
    return answer.id;
  });
  const answers = [...new Set([...byId, ...byNumber])];
  if (answers.length === 0) throw new Error("Which option? Give pollOptionIndex (its number), or pollOptionId.");
  return answers;
}
