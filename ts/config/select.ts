/** Which account a command or a method means (ACC-2, ACC-5). */
import { type HostConfig, listMatrixAccountIds, normalizeAccountId, resolveDefaultMatrixAccountId } from "./accounts.ts";

/**
 * The stated account, else the default one.
 *
 * @throws Error when there is no such account, or several and none is the default: a guess could act on the wrong one
 */
export function selectAccount(cfg: HostConfig, stated?: string): string {
  const ids = listMatrixAccountIds(cfg);
  if (ids.length === 0) throw new Error("No Matrix account is configured; add one with `openclaw channels add --channel matrix`.");
  const known = `the accounts are ${ids.join(", ")}`;
  if (stated?.trim()) {
    const accountId = normalizeAccountId(stated);
    if (!ids.includes(accountId)) throw new Error(`There is no Matrix account "${stated}"; ${known}.`);
    return accountId;
  }
  const accountId = resolveDefaultMatrixAccountId(cfg);
  if (!ids.includes(accountId)) {
    throw new Error(`Which Matrix account? Give --account <id>, or set channels.matrix.defaultAccount; ${known}.`);
  }
  return accountId;
}
