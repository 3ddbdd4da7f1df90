/**
 * What the commands print with `--json`, as schemas. The compiler keeps each of them equal to
 * the type the command's operation answers with: a key more or less, here or there, does not compile.
 */
import { z } from "zod";
import { ENCRYPTION_REPORTS } from "./encryption.ts";
import { QUEUE_REPORTS } from "./queues.ts";
import { UPKEEP_REPORTS } from "./upkeep.ts";
import { VERIFICATION_REPORTS } from "./verification.ts";

export { ENCRYPTION_REPORTS } from "./encryption.ts";
export { QUEUE_REPORTS } from "./queues.ts";
export { UPKEEP_REPORTS } from "./upkeep.ts";
export { VERIFICATION_REPORTS } from "./verification.ts";

/** By the command's words, without its arguments. */
export const REPORTS = { ...ENCRYPTION_REPORTS, ...VERIFICATION_REPORTS, ...UPKEEP_REPORTS, ...QUEUE_REPORTS } as const;

/** An error of a command, in the form that each of them has. */
export const REFUSED = z.strictObject({ success: z.literal(false).optional(), error: z.string().min(1) });

/**
 * What a command printed, checked against its schema.
 *
 * @throws Error naming the command and what does not fit
 */
export function reportOf<C extends keyof typeof REPORTS>(command: C, printed: unknown): z.infer<(typeof REPORTS)[C]> {
  // As it leaves the process: keys without a value are not there.
  const checked = REPORTS[command].safeParse(JSON.parse(JSON.stringify(printed)));
  if (!checked.success) throw new Error(`\`${command}\` printed what its schema does not allow: ${z.prettifyError(checked.error)}\n${JSON.stringify(printed, null, 1)}`);
  return checked.data as z.infer<(typeof REPORTS)[C]>;
}
