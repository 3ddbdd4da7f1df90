/** How large a file may be, in and out. */
import type { MatrixAccountConfig } from "./accounts.ts";

const DEFAULT_MB = 20;
const MB = 1024 * 1024;

/** The cap in bytes (`mediaMaxMb`). */
export function mediaMaxBytes(config: Pick<MatrixAccountConfig, "mediaMaxMb">): number {
  const mb = config.mediaMaxMb;
  return Math.floor((mb !== undefined && mb > 0 ? mb : DEFAULT_MB) * MB);
}
