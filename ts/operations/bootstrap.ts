/** `matrix.verify.bootstrap` and `matrix.encryption.setup`: everything encryption needs, from whatever half-state. */
import type { Account } from "../native/account.ts";
import type { Bootstrapped } from "../native/encryption.ts";
import { MatrixError } from "../native/errors.ts";
import { type EncryptionReport, encryptionReport } from "./encryption-report.ts";
import { flag, operation, type RawParams } from "./operation.ts";
import { failure, type Outcome, recoveryKeyParam } from "./outcome.ts";

export interface BootstrapParams {
  recoveryKey?: string;
  forceResetCrossSigning: boolean;
  /** Answer with the recovery key if this run makes one: the person has to see it once. */
  showNewRecoveryKey: boolean;
}

export interface BootstrapReport extends Outcome {
  verification: EncryptionReport;
  crossSigning: {
    userId: string;
    masterKeyPublished: boolean;
    selfSigningKeyPublished: boolean;
    userSigningKeyPublished: boolean;
    published: boolean;
  };
  pendingVerifications: number;
  cryptoBootstrap: { crossSigningReady: boolean; crossSigningPublished: boolean; ownDeviceVerified: boolean } | null;
  /** What this run changed; null if it failed. */
  changed: Bootstrapped | null;
  recoveryKey?: string;
}

export interface SetupReport extends Outcome {
  bootstrap: BootstrapReport;
  status: EncryptionReport;
}

function read(params: RawParams): BootstrapParams {
  return {
    recoveryKey: recoveryKeyParam(params, "recoveryKey"),
    forceResetCrossSigning: flag(params, "forceResetCrossSigning"),
    showNewRecoveryKey: flag(params, "showNewRecoveryKey"),
  };
}

async function run(account: Account, params: BootstrapParams): Promise<BootstrapReport> {
  let changed: Bootstrapped | null = null;
  let outcome: Outcome = { success: true };
  try {
    changed = await account.bootstrapEncryption({ recoveryKey: params.recoveryKey, forceResetCrossSigning: params.forceResetCrossSigning });
  } catch (error) {
    outcome = failure(error);
  }
  const now = await account.encryptionStatus().catch((error: unknown) => {
    throw outcome.success ? error : new MatrixError(outcome.code ?? "internal", outcome.error ?? "unknown");
  });
  const { masterKeyPublished, selfSigningKeyPublished, userSigningKeyPublished } = now.crossSigning;
  const published = masterKeyPublished && selfSigningKeyPublished && userSigningKeyPublished;
  const recoveryKey = changed?.recoveryKeyCreated && params.showNewRecoveryKey ? await account.recoveryKey() : undefined;
  return {
    ...outcome,
    verification: encryptionReport(now),
    crossSigning: { userId: now.userId, ...now.crossSigning, published },
    pendingVerifications: now.pendingVerifications,
    cryptoBootstrap: outcome.success
      ? { crossSigningReady: now.privateKeysHere, crossSigningPublished: published, ownDeviceVerified: now.crossSigningVerified }
      : null,
    changed,
    ...(recoveryKey === undefined ? {} : { recoveryKey }),
  };
}

export const verifyBootstrapOperation = operation({ method: "matrix.verify.bootstrap", read, run });

/** The same, as `encryption setup` asks for it; the configuration is the command's business. */
export const encryptionSetupOperation = operation({
  method: "matrix.encryption.setup",
  read,
  run: async (account, params): Promise<SetupReport> => {
    const bootstrap = await run(account, params);
    const { success, error, code } = bootstrap;
    return { success, ...(success ? {} : { error, code }), bootstrap, status: bootstrap.verification };
  },
});
