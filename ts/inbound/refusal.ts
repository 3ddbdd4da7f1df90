/**
 * What the host says when it takes no turn at this moment and will take it
 * later. Nothing is wrong with the message then: it keeps its place, and no
 * try is counted against it.
 */

/** `draining`: the gateway is about to end or restart. `recovering`: the session is being resumed, or changed under the start of the turn. */
export type Refusal = "draining" | "recovering";

/** The host's words to the person when a run was cut off by its end; the message that was cut off comes again instead. */
const RESTART_NOTICE = "Gateway is restarting. Please wait a few seconds and try again.";

/** The host's error names and codes; it exports the classes of none. */
const DRAINING_NAME = "GatewayDrainingError";
const DRAINING_MESSAGE = "Gateway is draining";
const RECOVERING_CODES: readonly unknown[] = ["SESSION_WORK_START_CHANGED", "SESSION_WORK_START_INVALIDATED"];
const RECOVERING_MESSAGE = /^(?:restart recovery claim changed|session changed) before /;

/** The gateway ended before the turn was over; its next start gets the message again. */
export class TurnCutOff extends Error {
  constructor() {
    super("the gateway ends before the turn was over; the message comes again at its next start");
    this.name = "TurnCutOff";
  }
}

/** Whether a payload is the host's notice that it cut the turn off. */
export function isRestartNotice(text: string | undefined): boolean {
  return text?.endsWith(RESTART_NOTICE) ?? false;
}

/** What kind of refusal an error or one of its causes is, if it is one. */
export function refusalOf(error: unknown): Refusal | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at instanceof TurnCutOff || at.name === DRAINING_NAME || at.message.startsWith(DRAINING_MESSAGE)) return "draining";
    if (RECOVERING_CODES.includes((at as { code?: unknown }).code) || RECOVERING_MESSAGE.test(at.message)) return "recovering";
  }
  return undefined;
}
