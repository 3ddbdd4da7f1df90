/**
 * The gateway methods: what a command asks of the process that owns the store.
 * One table; what they do on an account stands in operations/, where the command
 * line finds it, too.
 */
import { type HostConfig, listMatrixAccountIds, resolveMatrixAccount, toOpenQueuesOptions } from "../config/accounts.ts";
import { selectAccount } from "../config/select.ts";
import { hostRuntime, pluginRootDir } from "../host/slot.ts";
import type { GatewayRequestHandlerOptions, OpenClawConfig } from "../host/types.ts";
import { isMatrixError, MatrixError } from "../native/errors.ts";
import { loadNative } from "../native/load.ts";
import { deadLettersDrop, deadLettersList, deadLettersResubmit, deadLettersShow } from "../operations/dead-letters.ts";
import { EXPLAIN_METHOD, readExplain } from "../operations/explain.ts";
import { invitesAccept, invitesList, invitesReject, roomsLeave } from "../operations/invites.ts";
import { devicesList, devicesPrune } from "../operations/devices.ts";
import { directInspect, directRepair } from "../operations/direct.ts";
import { outboxDrop, outboxList, outboxRetry } from "../operations/outbox.ts";
import type { QueueOperation } from "../operations/queue-operation.ts";
import { encryptionSetupOperation, verifyBootstrapOperation } from "../operations/bootstrap.ts";
import type { Operation } from "../operations/operation.ts";
import { verifyAcknowledgeOperation } from "../operations/verify-acknowledge.ts";
import { profileSet } from "../operations/profile.ts";
import {
  verificationAccept,
  verificationArm,
  verificationCancel,
  verificationConfirm,
  verificationMismatch,
  verificationQr,
  verificationRequest,
  verificationSas,
  verificationsList,
  verificationStart,
  verificationWait,
} from "../operations/verification.ts";
import { backupResetOperation, backupRestoreOperation, backupStatusOperation } from "../operations/verify-backup.ts";
import { verifyDeviceOperation } from "../operations/verify-device.ts";
import { verifyStatusOperation } from "../operations/verify-status.ts";
import type { InboundPorts } from "../inbound/ports.ts";
import { explain } from "./explain.ts";
import type { MethodName } from "./method-names.ts";
import { blockedAccount, runningAccount } from "./registry.ts";
import { renewInGateway } from "./renew.ts";
import { notifyApproved } from "./security.ts";

type Params = Record<string, unknown>;

type Method = (params: Params, cfg: HostConfig) => Promise<unknown>;

/** The refusal for an account that does not run here. */
function notRunning(accountId: string): MatrixError {
  const blocked = blockedAccount(accountId);
  return new MatrixError(
    blocked?.code ?? "closed",
    blocked?.message ?? `The Matrix account "${accountId}" is not running; see \`openclaw channels status --probe\`.`,
  );
}

/** The rules in force of a running account. */
function waysIn(accountId: string): InboundPorts {
  const inbound = runningAccount(accountId)?.inbound;
  if (!inbound) throw notRunning(accountId);
  return inbound;
}

/** An operation on one running account; `accountId` as the commands' `--account`. */
function onAccount<P extends object>(operation: Operation<MethodName, P, unknown>): Method {
  return async (params, cfg) => {
    const accountId = selectAccount(cfg, typeof params.accountId === "string" ? params.accountId : undefined);
    const running = runningAccount(accountId);
    if (running) return operation.run(running.account, operation.read(params), { accountId, cfg, resolved: running.resolved() });
    throw notRunning(accountId);
  };
}

/** An operation on an account's queues; one that does not run has its folder opened for that moment. */
function onQueues<P extends object>(operation: QueueOperation<MethodName, P, unknown>): Method {
  return async (params, cfg) => {
    const accountId = selectAccount(cfg, typeof params.accountId === "string" ? params.accountId : undefined);
    const read = operation.read(params);
    const running = runningAccount(accountId);
    if (running) return operation.run(running.account.queues, read);
    const native = loadNative(pluginRootDir());
    const queues = await native.openQueues(toOpenQueuesOptions(resolveMatrixAccount(cfg, accountId), hostRuntime().state.resolveStateDir()));
    try {
      return await operation.run(queues, read);
    } finally {
      await queues.close();
    }
  };
}

export const METHODS: Readonly<Record<MethodName, Method>> = {
  "matrix.status": async (_params, cfg) => ({
    accounts: await Promise.all(
      listMatrixAccountIds(cfg).map(async (accountId) => ({
        accountId,
        identity: runningAccount(accountId)?.account.identity ?? null,
        health: (await runningAccount(accountId)?.account.health().catch(() => undefined)) ?? null,
        blocked: blockedAccount(accountId) ?? null,
      })),
    ),
  }),
  "matrix.verify.status": onAccount(verifyStatusOperation),
  "matrix.deadLetters.list": onQueues(deadLettersList),
  "matrix.deadLetters.show": onQueues(deadLettersShow),
  "matrix.deadLetters.resubmit": onQueues(deadLettersResubmit),
  "matrix.deadLetters.drop": onQueues(deadLettersDrop),
  "matrix.outbox.list": onQueues(outboxList),
  "matrix.outbox.retry": onQueues(outboxRetry),
  "matrix.outbox.drop": onQueues(outboxDrop),
  "matrix.verify.bootstrap": onAccount(verifyBootstrapOperation),
  "matrix.verify.recoveryKey": onAccount(verifyDeviceOperation),
  "matrix.verify.acknowledge": onAccount(verifyAcknowledgeOperation),
  "matrix.encryption.setup": onAccount(encryptionSetupOperation),
  "matrix.verify.backup.status": onAccount(backupStatusOperation),
  "matrix.verify.backup.restore": onAccount(backupRestoreOperation),
  "matrix.verify.backup.reset": onAccount(backupResetOperation),
  "matrix.invites.list": onAccount(invitesList),
  "matrix.invites.accept": onAccount(invitesAccept),
  "matrix.invites.reject": onAccount(invitesReject),
  "matrix.rooms.leave": onAccount(roomsLeave),
  [EXPLAIN_METHOD]: async (params, cfg) => explain(readExplain(params), waysIn(selectAccount(cfg, typeof params.accountId === "string" ? params.accountId : undefined))),
  "matrix.devices.list": onAccount(devicesList),
  "matrix.devices.prune": onAccount(devicesPrune),
  "matrix.devices.renew": renewInGateway,
  "matrix.direct.inspect": onAccount(directInspect),
  "matrix.direct.repair": onAccount(directRepair),
  "matrix.profile.set": onAccount(profileSet),
  "matrix.verify.list": onAccount(verificationsList),
  "matrix.verify.request": onAccount(verificationRequest),
  "matrix.verify.accept": onAccount(verificationAccept),
  "matrix.verify.start": onAccount(verificationStart),
  "matrix.verify.confirmSas": onAccount(verificationConfirm),
  "matrix.verify.mismatchSas": onAccount(verificationMismatch),
  "matrix.verify.cancel": onAccount(verificationCancel),
  "matrix.verify.sas": onAccount(verificationSas),
  "matrix.verify.wait": onAccount(verificationWait),
  "matrix.verify.qr": onAccount(verificationQr),
  "matrix.verify.arm": onAccount(verificationArm),
  /** Tells a person that the request was approved; `openclaw pairing approve --notify` runs outside the gateway. */
  "matrix.pairing.notify": async (params, cfg) => {
    if (typeof params.id !== "string") throw new MatrixError("config_invalid", "matrix.pairing.notify needs the user id as `id`.");
    const room = typeof params.room === "string" ? params.room : undefined;
    await notifyApproved(cfg as OpenClawConfig, selectAccount(cfg, typeof params.accountId === "string" ? params.accountId : undefined), params.id, room);
    return { notified: true };
  },
};

/** Answers one request; an error keeps its code so that the command can say the same sentence. */
export async function serveMethod(name: MethodName, { params, respond }: Pick<GatewayRequestHandlerOptions, "params" | "respond">): Promise<void> {
  try {
    respond(true, await METHODS[name](params, hostRuntime().config.current() as HostConfig));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const code = isMatrixError(error) ? error.code : "internal";
    respond(false, undefined, { code: "UNAVAILABLE", message, details: { matrixCode: code } });
  }
}
