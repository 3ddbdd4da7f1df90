/** `matrix.explain`: what is said of it over the wire; the gateway, which knows the rules in force, works it out. */
import { MatrixError } from "../native/errors.ts";
import { type RawParams, requiredText } from "./operation.ts";

export const EXPLAIN_METHOD = "matrix.explain";

export interface ExplainParams {
  /** Room id or alias. */
  room: string;
  /** Full user id. */
  user: string;
}

/** What becomes of one kind of message. */
export interface ExplainedMessage {
  /** `answered`, `pairing` (the sender is sent a code), or `dropped`. */
  outcome: "answered" | "pairing" | "dropped";
  /** The reason code of a drop, as in the log. */
  reason: string | null;
  /** The host's own code, where the host decided. */
  detail: string | null;
  /** What to change to get an answer. */
  fix: string | null;
}

export interface ExplainReport {
  accountId: string;
  userId: string;
  user: string;
  room: {
    roomId: string;
    name: string | null;
    membership: string;
    /** `direct` or `room`, with the reason code of that decision. */
    kind: string | null;
    because: string | null;
    /** Key of the room's entry in `groups`. */
    entry: string | null;
  };
  policy: {
    dmPolicy: string | null;
    groupPolicy: string | null;
    requireMention: boolean | null;
  };
  agentId: string | null;
  sessionKey: string | null;
  /** A message, one that mentions the bot, and a command; absent where the account is not in the room. */
  message: ExplainedMessage | null;
  mention: ExplainedMessage | null;
  command: ExplainedMessage | null;
  /** What an invite by the user would lead to; only where the account is not in the room. */
  invite: { accepted: boolean; because: string | null; fix: string | null } | null;
  /** What was not answered in this room since the account started, newest first. */
  drops: { reason: string; detail: string | null; fix: string | null; count: number; lastAt: string }[];
}

/** @throws MatrixError `config_invalid` naming the parameter */
export function readExplain(params: RawParams): ExplainParams {
  const room = requiredText(params, "room").replace(/^(?:(?:matrix|room|channel):)+/i, "");
  const user = requiredText(params, "user").replace(/^(?:(?:matrix|user):)+/i, "");
  if (!/^[!#]\S+$/.test(room)) throw new MatrixError("config_invalid", `"${room}" is no room: give its id (!…) or its alias (#…:server).`);
  if (!/^@[^:\s]+:\S+$/.test(user)) throw new MatrixError("config_invalid", `"${user}" is no user id: give it in full, as @user:server.`);
  return { room, user };
}
