/**
 * The host's introduction in a room that was just joined: one turn without tools, once a room for
 * 90 days. The host exports it without types, so that it is looked for when it is needed and an
 * OpenClaw without it means rooms without introductions, nothing worse.
 */
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";

export interface RoomIntroContext {
  title?: string;
  purpose?: string;
  recentMessages?: { sender?: string; text: string }[];
  historyUnavailable?: boolean;
}

export interface RoomJoin {
  cfg: OpenClawConfig;
  channel: "matrix";
  accountId: string;
  conversationId: string;
  /** A destination as `openclaw message send --target` takes it. */
  deliverTo: string;
  roomAllowed: boolean;
  inviterLabel?: string;
  route: { agentId: string; sessionKey: string };
  resolveRoomContext: (limits: { messageLimit: number }) => Promise<RoomIntroContext | null>;
}

export type IntroOutcome = { kind: "posted" } | { kind: "skipped" | "failed"; reason: string };

export async function introduceInRoom(join: RoomJoin): Promise<IntroOutcome> {
  const { reportChannelRoomJoin } = await import("openclaw/plugin-sdk/channel-join-intro-runtime").catch(() => ({ reportChannelRoomJoin: undefined }));
  if (typeof reportChannelRoomJoin !== "function") return { kind: "skipped", reason: "this OpenClaw has no introductions" };
  return (reportChannelRoomJoin as (join: RoomJoin) => Promise<IntroOutcome>)(join);
}
