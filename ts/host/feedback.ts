/** Reactions by which a channel shows that a message was taken, and how far it is. */
export { createStatusReactionController, resolveAckReaction, shouldAckReaction, type StatusReactionController } from "openclaw/plugin-sdk/channel-feedback";
