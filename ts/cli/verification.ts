/** `openclaw matrix verify list|request|accept|start|sas|confirm-sas|mismatch-sas|cancel|arm`. */
import type { Operation } from "../operations/operation.ts";
import {
  verificationAccept,
  verificationArm,
  verificationCancel,
  verificationConfirm,
  verificationMismatch,
  verificationRequest,
  verificationSas,
  verificationsList,
  verificationStart,
} from "../operations/verification.ts";
import type { VerificationReport } from "../operations/verification-report.ts";
import { accountCommand } from "./account-command.ts";
import { spanOption } from "./options.ts";
import type { CommandOptions } from "./run.ts";
import { confirmedLines, sasLines, verificationLines, verificationTable } from "./verification-lines.ts";

/** A message to a room may need keys of all its members first. */
const STEP_MS = 120_000;

export interface StepOptions extends CommandOptions {
  userId?: string;
  roomId?: string;
}

interface StepParams {
  id: string;
  userId?: string;
  roomId?: string;
}

/** Which verification a command is about. */
function which(options: StepOptions, [id]: string[]): StepParams {
  if (!id?.trim()) throw new Error("Name the verification: `openclaw matrix verify list` shows their ids.");
  if ((options.userId === undefined) !== (options.roomId === undefined)) throw new Error("Give --user-id and --room-id together, or neither.");
  return { id: id.trim(), userId: options.userId, roomId: options.roomId };
}

function stepCommand(operation: Operation<string, StepParams, VerificationReport>, lines = verificationLines) {
  return accountCommand({ operation, params: which, timeoutMs: () => STEP_MS, lines: (one) => lines(one) });
}

export const list = accountCommand({ operation: verificationsList, params: () => ({}), lines: verificationTable });

export const accept = stepCommand(verificationAccept);
export const start = stepCommand(verificationStart);
export const confirmSas = stepCommand(verificationConfirm, confirmedLines);
export const mismatchSas = stepCommand(verificationMismatch);

export const sas = accountCommand({ operation: verificationSas, params: which, lines: sasLines });

export interface CancelOptions extends StepOptions {
  reason?: string;
  code?: string;
}

export const cancel = accountCommand({
  operation: verificationCancel,
  params: (options: CancelOptions, args) => ({ ...which(options, args), code: options.code, reason: options.reason }),
  timeoutMs: () => STEP_MS,
  lines: verificationLines,
});

export interface RequestOptions extends CommandOptions {
  ownUser?: boolean;
  userId?: string;
  deviceId?: string;
  roomId?: string;
}

export const request = accountCommand({
  operation: verificationRequest,
  params: ({ ownUser = false, userId, deviceId, roomId }: RequestOptions) => {
    if (ownUser === (userId !== undefined)) {
      throw new Error("Give --own-user to ask this account's other devices, or --user-id (with --device-id or --room-id) to ask somebody else.");
    }
    if (ownUser && (deviceId ?? roomId) !== undefined) throw new Error("--own-user asks all other devices; for one of them give --user-id and --device-id.");
    return { ownUser, userId, deviceId, roomId, qr: false };
  },
  timeoutMs: () => STEP_MS,
  lines: verificationLines,
});

export interface ArmOptions extends CommandOptions {
  for?: string;
  off?: boolean;
}

export const arm = accountCommand({
  operation: verificationArm,
  params: (options: ArmOptions) => {
    if ((options.for === undefined) === !options.off) throw new Error("Give --for with a time, as in --for 10m, or --off.");
    return { forMs: options.off ? undefined : spanOption(options.for, "--for") };
  },
  lines: ({ until }) =>
    until === null
      ? ["Closed: requests are accepted from the account's own user, from dm.allowFrom and from commands.ownerAllowFrom."]
      : [`Open until ${until.replace("T", " ").replace(/\.\d+Z$/, " UTC")}: anybody's request to verify is accepted. What both sides show is still compared by you.`],
});
