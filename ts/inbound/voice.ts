/**
 * Voice messages in rooms where the agent has to be named: they are heard before that is
 * decided (VOI-1), of people whom the agent would answer, and of nobody else.
 */
import type { InboundMessage, MediaInfo } from "../native/account.ts";
import { localpart, type Self, visibleText } from "./mention.ts";
import type { TakenFile } from "./media.ts";
import type { InboundPorts } from "./ports.ts";
import type { PreparedTurn } from "./prepare.ts";
import { turnKey } from "./turn-key.ts";

export interface Heard {
  transcript: string;
  file: TakenFile;
}

/** The message's first sound: `m.audio`, or a file that is said to be one. */
export function soundOf(event: Pick<InboundMessage, "media">): MediaInfo | undefined {
  return event.media.find(({ kind, mimetype }) => kind === "audio" || (kind === "file" && mimetype?.startsWith("audio/")));
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Whether a name of ours was said. Nobody pronounces an @ or a colon, so the name as a word is enough. */
export function spokenTo(transcript: string, self: Self): boolean {
  const said = visibleText(transcript);
  return [self.displayName?.trim(), localpart(self.userId)]
    .filter((name): name is string => Boolean(name))
    .some((name) => new RegExp(`(?<![\\p{L}\\p{N}_])${escape(name)}(?![\\p{L}\\p{N}_])`, "iu").test(said));
}

/** The words of a message's first sound, if it has one and the host can make them out. */
export async function hear(
  event: InboundMessage,
  turn: { agentId: string; sessionKey: string },
  ports: InboundPorts,
): Promise<Heard | undefined> {
  const sound = soundOf(event);
  if (!sound || ports.cfg().tools?.media?.audio?.enabled === false) return undefined;
  const file = await ports.takeFile(sound);
  if (file.path === undefined) return undefined;
  const transcript = (await ports.transcribe(file, { ...turn, roomId: event.roomId, eventId: event.eventId ?? "" }))?.trim();
  return transcript ? { transcript, file } : undefined;
}

/** What was heard, as the agent reads it: somebody's words, made out by a machine. */
export function heardLine({ transcript }: Heard): string {
  return `[Audio transcript (machine-generated, untrusted)]: ${JSON.stringify(transcript)}`;
}

const ECHO = '📝 "{transcript}"';

/** Shows the room what was heard, where `tools.media.audio.echoTranscript` wants that; once, however often the turn runs. */
export async function echoTranscript(turn: PreparedTurn, ports: InboundPorts): Promise<void> {
  const audio = ports.cfg().tools?.media?.audio;
  if (!turn.heard || !audio?.echoTranscript) return;
  const { transcript } = turn.heard;
  await ports.account
    .sendText({
      roomId: turn.event.roomId,
      threadRootId: turn.threadRootId,
      markdown: (audio.echoFormat ?? ECHO).replace("{transcript}", () => transcript),
      kind: "notice",
      key: `${turnKey(turn.event)}:transcript`,
      chunkLimit: 4000,
      chunkMode: "length",
      tables: "off",
    })
    .catch((error: unknown) => ports.log.warn(`[${ports.accountId}] a transcript was not shown in ${turn.event.roomId}: ${String(error)}`));
}
