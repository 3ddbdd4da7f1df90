/**
 * The gateway methods: what a command asks of the process that owns the store.
 * One table; the command line reads the same names (see cli/).
 */
import { type HostConfig, listMatrixAccountIds } from "../config/accounts.ts";
import { selectAccount } from "../config/select.ts";
import { hostRuntime } from "../host/slot.ts";
import type { GatewayRequestHandlerOptions } from "../host/types.ts";
import type { Account } from "../native/account.ts";
import { MatrixError } from "../native/errors.ts";
import { encryptionReport } from "../verification/report.ts";
import { pairing } from "./security.ts";
import { blockedAccount, runningAccount, runningAccounts } from "./registry.ts";

type Params = Record<string, unknown>;

export interface Method {
  scope: "operator.read" | "operator.admin";
  run: (params: Params, cfg: HostConfig) => Promise<unknown>;
}

/** A method on one running account; `accountId` as the commands' `--account`. */
function onAccount(run: (account: Account, params: Params) => Promise<unknown>): Method["run"] {
  return (params, cfg) => {
    const accountId = selectAccount(cfg, typeof params.accountId === "string" ? params.accountId : undefined);
    const running = runningAccount(accountId);
    if (running) return run(running.account, params);
    const blocked = blockedAccount(accountId);
    throw new MatrixError({
      code: blocked?.code ?? "closed",
      message: blocked?.message ?? `The Matrix account "${accountId}" is not running; see \`openclaw channels status --probe\`.`,
    });
  };
}

export const METHODS: Readonly<Record<string, Method>> = {
  "matrix.status": {
    scope: "operator.read",
    run: async (_params, cfg) => ({
      accounts: await Promise.all(
        listMatrixAccountIds(cfg).map(async (accountId) => ({
          accountId,
          identity: runningAccount(accountId)?.account.identity ?? null,
          health: (await runningAccount(accountId)?.account.health().catch(() => undefined)) ?? null,
          blocked: blockedAccount(accountId) ?? null,
        })),
      ),
      running: runningAccounts().length,
    }),
  },
  "matrix.verify.status": {
    scope: "operator.admin",
    run: onAccount(async (account) => encryptionReport(await account.encryptionStatus())),
  },
  /** Tells a person that the request was approved; `openclaw pairing approve --notify` runs outside the gateway. */
  "matrix.pairing.notify": {
    scope: "operator.admin",
    run: async (params, cfg) => {
      await pairing.notifyApproval?.({ cfg: cfg as never, id: String(params.id ?? ""), accountId: typeof params.accountId === "string" ? params.accountId : undefined });
      return { notified: true };
    },
  },
};

/** Answers one request; an error keeps its code so that the command can say the same sentence. */
export async function serveMethod(name: string, { params, respond }: Pick<GatewayRequestHandlerOptions, "params" | "respond">): Promise<void> {
  try {
    const method = METHODS[name];
    if (!method) throw new MatrixError({ code: "not_found", message: `There is no method ${name}.` });
    respond(true, await method.run(params, hostRuntime().config.current() as HostConfig));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof MatrixError ? error.code : "internal";
    respond(false, undefined, { code: "UNAVAILABLE", message, details: { matrixCode: code } });
  }
}
