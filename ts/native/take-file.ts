/** Files of a message, brought to where the host reads them; for turns and for the agent's own wish. */
import { rm } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import type { Account, MediaInfo } from "./account.ts";
import { isMatrixError } from "./errors.ts";

/** A file of a message: where it is now, or why it is not there. */
export interface TakenFile {
  info: MediaInfo;
  path?: string;
  contentType?: string;
  problem?: string;
}

export interface Intake {
  account: Pick<Account, "downloadMedia">;
  maxBytes: number;
  /** Copies a file into the host's store. */
  keep: (path: string, file: { contentType?: string; filename?: string; maxBytes: number }) => Promise<{ path: string; contentType?: string }>;
  log?: { debug?: (line: string) => void };
}

/** Pauses before a fetch that failed for a passing cause is tried again, in milliseconds. */
const PATIENCE_MS: readonly number[] = [1000, 4000];

/**
 * Fetches a file. A file that cannot be had never fails the turn: the agent is told why.
 *
 * @throws if the account was closed meanwhile; the turn is then to be tried again
 */
export async function takeFile(info: MediaInfo, intake: Intake, patience = PATIENCE_MS): Promise<TakenFile> {
  const { maxBytes } = intake;
  if (info.source === undefined) return { info, problem: "the message does not say where it lies" };
  if (info.size !== undefined && info.size > maxBytes) return { info, problem: tooLarge(maxBytes) };
  for (let tries = 0; ; tries++) {
    let fetched: string | undefined;
    try {
      const { path, contentType } = await intake.account.downloadMedia(info.source, maxBytes);
      fetched = path;
      const kept = await intake.keep(path, { contentType: info.mimetype ?? contentType, filename: info.filename || undefined, maxBytes });
      return { info, path: kept.path, contentType: kept.contentType ?? info.mimetype ?? contentType };
    } catch (error) {
      if (isMatrixError(error, "closed", "cancelled")) throw error;
      const pause = patience[tries];
      if (pause === undefined || !isMatrixError(error, "network", "timeout", "rate_limited", "storage_failed")) {
        intake.log?.debug?.(`a file of a message was not fetched: ${String(error)}`);
        return { info, problem: problemOf(error, maxBytes) };
      }
      await setTimeout(pause);
    } finally {
      if (fetched !== undefined) await rm(fetched, { force: true });
    }
  }
}

function tooLarge(maxBytes: number): string {
  return `it is larger than ${megabytes(maxBytes)} (mediaMaxMb)`;
}

function problemOf(error: unknown, maxBytes: number): string {
  if (isMatrixError(error, "media_too_large")) return tooLarge(maxBytes);
  if (isMatrixError(error)) return error.message;
  // The host's store refused it; what it says names folders of this machine.
  return "it could not be stored";
}

const MB = 1024 * 1024;

/** A size for people: `20 MB`. */
export function megabytes(bytes: number): string {
  return `${Math.round((bytes / MB) * 100) / 100} MB`;
}
