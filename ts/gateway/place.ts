/** Where an account's keys stand in the configuration, as a person would write it. */
import { type HostConfig, normalizeAccountId } from "../config/accounts.ts";
import { matrixSection } from "../config/section.ts";

export function accountPath(cfg: HostConfig, accountId: string): string {
  const key = Object.keys(matrixSection(cfg).accounts ?? {}).find((name) => normalizeAccountId(name) === accountId);
  return key === undefined ? "channels.matrix" : `channels.matrix.accounts.${key}`;
}
