/** `openclaw matrix verify acknowledge <user-id>`. */
import { verifyAcknowledgeOperation } from "../operations/verify-acknowledge.ts";
import { accountCommand } from "./account-command.ts";
import type { CommandOptions } from "./run.ts";

export const verifyAcknowledge = accountCommand({
  operation: verifyAcknowledgeOperation,
  params: (_options: CommandOptions, [userId = ""]) => ({ userId }),
  lines: ({ acknowledged, userId }) => [
    acknowledged ? `Accepted: ${userId} is taken at their new identity.` : `Nothing to accept: the identity of ${userId} has not changed.`,
  ],
});
