/** `matrix.verify.…`: verifications with other devices and users, step by step. */
import type { Account } from "../native/account.ts";
import { MatrixError } from "../native/errors.ts";
import type { Verification, VerificationRef } from "../native/verification.ts";
import { flag, noParams, operation, optionalText, type RawParams, requiredText } from "./operation.ts";
import { type SasReport, verificationReport, type VerificationReport } from "./verification-report.ts";

/** How long one answer of `matrix.verify.wait` may take, in milliseconds. */
const WAIT_MS = 15_000;

function which(params: RawParams): VerificationRef {
  const [userId, roomId] = [optionalText(params, "userId"), optionalText(params, "roomId")];
  if ((userId === undefined) !== (roomId === undefined)) {
    throw new MatrixError("config_invalid", "Name a user and a room, or neither: together they find the verification of a direct message.");
  }
  return { id: requiredText(params, "id"), ...(userId === undefined ? {} : { userId, roomId }) };
}

/** An operation on one verification that answers with it. */
function step<const M extends string>(method: M, act: (account: Account, one: VerificationRef) => Promise<Verification>) {
  return operation({ method, read: which, run: async (account, one): Promise<VerificationReport> => verificationReport(await act(account, one)) });
}

export const verificationsList = operation({
  method: "matrix.verify.list",
  read: noParams,
  run: async (account): Promise<VerificationReport[]> => (await account.verifications()).map(verificationReport),
});

export const verificationRequest = operation({
  method: "matrix.verify.request",
  read: (params) => ({
    ownUser: flag(params, "ownUser"),
    userId: optionalText(params, "userId"),
    deviceId: optionalText(params, "deviceId"),
    roomId: optionalText(params, "roomId"),
    qr: flag(params, "qr"),
  }),
  run: async (account, { ownUser, userId, deviceId, roomId, qr }): Promise<VerificationReport> => {
    if (ownUser === (userId !== undefined) || (ownUser && (deviceId ?? roomId) !== undefined)) {
      throw new MatrixError("config_invalid", "Ask either the account's own devices (--own-user) or a user (--user-id, with --device-id or --room-id).");
    }
    if (deviceId !== undefined && roomId !== undefined) {
      throw new MatrixError("config_invalid", "Give --device-id or --room-id, not both: a device is asked directly, a user in a room.");
    }
    // A person is asked where they talk with the bot.
    const room = roomId ?? (userId !== undefined && deviceId === undefined ? (await account.openDm(userId)).roomId : undefined);
    return verificationReport(await account.requestVerification({ userId, deviceId, roomId: room, qr }));
  },
});

export const verificationAccept = step("matrix.verify.accept", (account, one) => account.acceptVerification(one));
export const verificationStart = step("matrix.verify.start", (account, one) => account.startVerification(one));
export const verificationConfirm = step("matrix.verify.confirmSas", (account, one) => account.confirmVerification(one));
export const verificationMismatch = step("matrix.verify.mismatchSas", (account, one) => account.mismatchVerification(one));

export const verificationCancel = operation({
  method: "matrix.verify.cancel",
  read: (params) => ({ ...which(params), code: optionalText(params, "code"), reason: optionalText(params, "reason") }),
  run: async (account, { code, reason, ...one }): Promise<VerificationReport> => {
    // `m.user`, `m.timeout`, or one of the sender's own (spec, "Key verification framework").
    if (code !== undefined && !/^[a-z0-9][a-z0-9._-]{0,254}$/.test(code)) {
      throw new MatrixError("config_invalid", `"${code}" is no cancel code; they look like m.user or org.example.reason.`);
    }
    return verificationReport(await account.cancelVerification(one, { code, reason }));
  },
});

async function find(account: Account, one: VerificationRef): Promise<Verification> {
  const all = await account.verifications();
  const named = all.find(({ id, transactionId }) => id === one.id || transactionId === one.id);
  const followed = all.findLast(({ otherUserId, roomId }) => one.roomId !== undefined && otherUserId === one.userId && roomId === one.roomId);
  const found = named ?? followed;
  if (found) return found;
  throw new MatrixError("verification_not_found", `There is no verification "${one.id}"; \`openclaw matrix verify list\` shows them. They end when the gateway does.`);
}

export const verificationSas = operation({
  method: "matrix.verify.sas",
  read: which,
  run: async (account, one): Promise<SasReport> => {
    const { id, phaseName, sas } = verificationReport(await find(account, one));
    if (sas) return sas;
    throw new MatrixError("verification_phase", `${id} is ${phaseName}; there are emoji and numbers once a comparison has begun and until it is confirmed.`);
  },
});

/** One verification, as soon as it is different from what `updatedAt` says; for a person who watches it. */
export const verificationWait = operation({
  method: "matrix.verify.wait",
  read: (params) => ({ ...which(params), updatedAt: optionalText(params, "updatedAt"), forMs: typeof params.forMs === "number" ? params.forMs : WAIT_MS }),
  run: async (account, { updatedAt, forMs, ...one }): Promise<VerificationReport> => {
    const deadline = Date.now() + Math.min(forMs, WAIT_MS);
    for (let version = 0; ; ) {
      const now = await within(account.verificationsAfter(version), deadline - Date.now());
      const found = verificationReport(await find(account, one));
      if (!now || found.updatedAt !== updatedAt || Date.now() >= deadline) return found;
      version = now.version;
    }
  },
});

/** What comes in time. */
async function within<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), Math.max(0, ms))));
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A code for the other device to scan. */
export const verificationQr = operation({
  method: "matrix.verify.qr",
  read: which,
  run: async (account, one): Promise<{ payload: string; text: string }> => {
    const { payload, text } = await account.verificationQr(one);
    return { payload: Buffer.from(payload).toString("base64"), text };
  },
});

/** The longest window, in milliseconds. */
const LONGEST_MS = 24 * 60 * 60_000;

/** Lets anybody verify for a while. */
export const verificationArm = operation({
  method: "matrix.verify.arm",
  read: (params) => {
    const { forMs } = params;
    if (forMs === undefined || forMs === null) return { forMs: undefined };
    if (typeof forMs !== "number" || !(forMs > 0) || forMs > LONGEST_MS) {
      throw new MatrixError("config_invalid", "A window is open for at most 24 hours; give --for 10m, or --off to close it.");
    }
    return { forMs };
  },
  run: async (account, { forMs }): Promise<{ armed: boolean; until: string | null }> => {
    const until = await account.armVerification(forMs);
    return { armed: until !== undefined, until: until === undefined ? null : new Date(until).toISOString() };
  },
});
