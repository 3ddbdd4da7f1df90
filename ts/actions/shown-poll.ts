/** A poll as actions show it. */
import type { Poll } from "../native/past.ts";

/**
 * An undisclosed poll keeps its votes to itself until it ends, from the agent
 * as from everybody.
 */
export function shownPoll(poll: Poll) {
  const open = poll.disclosed || poll.ended;
  return {
    question: poll.question,
    options: poll.answers.map(({ id, text, votes, voters }, index) => ({ index: index + 1, id, text, ...(open ? { votes, voters } : {}) })),
    maxSelections: poll.maxSelections,
    voters: poll.voters,
    ended: poll.ended,
    ownVote: poll.own,
  };
}
