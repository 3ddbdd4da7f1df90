/** `matrix.verify.acknowledge`: takes somebody's new identity for theirs. */
import { MatrixError } from "../native/errors.ts";
import { operation, requiredText } from "./operation.ts";
import type { Outcome } from "./outcome.ts";

export interface AcknowledgeReport extends Outcome {
  userId: string;
  /** There was something to accept. */
  acknowledged: boolean;
}

export const verifyAcknowledgeOperation = operation({
  method: "matrix.verify.acknowledge",
  read: (params) => {
    const userId = requiredText(params, "userId");
    if (!/^@[^:\s]+:\S+$/.test(userId)) throw new MatrixError("config_invalid", `"${userId}" is no user id; write it in full, like @person:example.org.`);
    return { userId };
  },
  run: async (account, { userId }): Promise<AcknowledgeReport> => ({ success: true, userId, acknowledged: await account.acknowledgeIdentity(userId) }),
});
