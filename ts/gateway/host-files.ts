/** The host's ways with files, loaded when the first one comes. */
import { createLazyRuntimeModule } from "../host/lazy.ts";
import type { Recording } from "../host/transcribe.ts";
import type { OpenClawConfig } from "../host/types.ts";
import type { SendFile } from "../native/account.ts";
import type { Intake } from "../native/take-file.ts";
import { loadFile } from "../outbound/media.ts";

export interface HostFiles {
  keep: Intake["keep"];
  /** A file that the agent may attach to a reply. */
  load: (source: string, wish: { cfg: OpenClawConfig; agentId: string; maxBytes: number }) => Promise<SendFile>;
  transcribe: (recording: Recording) => Promise<string | undefined>;
}

const loadMedia = createLazyRuntimeModule(() => import("../host/media.ts"));
const loadTranscribe = createLazyRuntimeModule(() => import("../host/transcribe.ts"));

export const hostFiles: HostFiles = {
  keep: async (path, file) => (await loadMedia()).keepInboundFile(path, file),
  load: async (source, { cfg, agentId, maxBytes }) => loadFile(source, (await loadMedia()).agentFileAccess(cfg, agentId), maxBytes),
  transcribe: async (recording) => (await loadTranscribe()).transcribe(recording),
};
