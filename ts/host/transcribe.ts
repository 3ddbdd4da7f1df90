/** The host's transcription of what people say (`tools.media.audio`). */
import { createChannelPreflightAudio, formatAudioTranscriptForAgent } from "openclaw/plugin-sdk/media-understanding-runtime";
import type { InboundMediaFacts, OpenClawConfig } from "./types.ts";

export { formatAudioTranscriptForAgent };

// What is heard is told to the room by us, once, and only if it is answered.
const preflight = createChannelPreflightAudio<InboundMediaFacts>({ channel: "matrix", isAudio: () => true });

export interface Recording {
  cfg: OpenClawConfig;
  media: InboundMediaFacts;
  agentDir?: string;
  accountId: string;
  sessionKey: string;
  from: string;
  to: string;
}

/** The words, if the host can make them out; never fails. */
export function transcribe({ cfg, media, agentDir, accountId, sessionKey, from, to }: Recording): Promise<string | undefined> {
  const ctx = {
    Provider: "matrix",
    Surface: "matrix",
    OriginatingChannel: "matrix" as const,
    OriginatingTo: to,
    From: from,
    To: to,
    ChatType: "channel",
    AccountId: accountId,
    SessionKey: sessionKey,
    media: [media],
  };
  return preflight.resolve({ request: { ctx, cfg, agentDir } });
}
