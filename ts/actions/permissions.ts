/** Encryption and verification, done for the owner who asks for it (ACT-11). The same operations stand behind `openclaw matrix verify …`. */
import { jsonResult, readStringParam } from "../host/action-results.ts";
import type { ChannelMessageActionContext } from "../host/types.ts";
import type { Account } from "../native/account.ts";
import { verifyBootstrapOperation } from "../operations/bootstrap.ts";
import type { Operation, OperationContext } from "../operations/operation.ts";
import {
  verificationAccept,
  verificationCancel,
  verificationConfirm,
  verificationMismatch,
  verificationQr,
  verificationRequest,
  verificationSas,
  verificationsList,
  verificationStart,
} from "../operations/verification.ts";
import { backupRestoreOperation, backupStatusOperation } from "../operations/verify-backup.ts";
import { verifyDeviceOperation } from "../operations/verify-device.ts";
import { verifyStatusOperation } from "../operations/verify-status.ts";
import type { OutboundAccount } from "../outbound/send.ts";
import { OPERATION_NAMES, type OperationName } from "./operation-names.ts";

type Params = Record<string, unknown>;
type Perform = (account: Account, params: Params, context: OperationContext) => Promise<unknown>;

/** As a gateway method does it: the parameters are checked by the operation itself. */
function by<P extends object, R>({ read, run }: Operation<string, P, R>): Perform {
  return async (account, params, context) => run(account, read(params), context);
}

const OPERATIONS: Readonly<Record<OperationName, Perform>> = {
  "encryption-status": by(verifyStatusOperation),
  "verification-status": by(verifyStatusOperation),
  "verification-bootstrap": by(verifyBootstrapOperation),
  "verification-recovery-key": by(verifyDeviceOperation),
  "verification-backup-status": by(backupStatusOperation),
  "verification-backup-restore": by(backupRestoreOperation),
  "verification-list": by(verificationsList),
  "verification-request": by(verificationRequest),
  "verification-accept": by(verificationAccept),
  "verification-cancel": by(verificationCancel),
  "verification-start": by(verificationStart),
  "verification-generate-qr": by(verificationQr),
  "verification-sas": by(verificationSas),
  "verification-confirm": by(verificationConfirm),
  "verification-mismatch": by(verificationMismatch),
  // The other device has scanned our code, and a person says so.
  "verification-confirm-qr": by(verificationConfirm),
};

/**
 * What an agent may give. Keys that would show a recovery key, or make a new identity, are left to
 * the command: their answers do not belong into a conversation.
 */
function admitted({ verificationId, requestId, recoveryKey, userId, deviceId, roomId, reason, code, ownUser, qr }: Params): Params {
  const given = { id: verificationId ?? requestId, recoveryKey, key: recoveryKey, userId, deviceId, roomId, reason, code };
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== null)),
    ownUser: ownUser === true || ownUser === "true",
    qr: qr === true || qr === "true",
  };
}

export async function permissions(ctx: ChannelMessageActionContext, { account, resolved }: OutboundAccount) {
  const name = readStringParam(ctx.params, "operation") ?? "encryption-status";
  const perform = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name as OperationName] : undefined;
  if (!perform) throw new Error(`There is no operation "${name}"; there are ${OPERATION_NAMES.join(", ")}.`);
  const context = { accountId: resolved.accountId, cfg: ctx.cfg, resolved };
  return jsonResult({ ok: true, operation: name, result: await perform(account, admitted(ctx.params), context) });
}
