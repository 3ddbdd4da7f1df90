/** Is what was said in a room a request, or talk the agent only listens to (`messages.groupChat.unmentionedInbound`)? */
export { classifyChannelInboundEvent, resolveUnmentionedGroupInboundPolicy } from "openclaw/plugin-sdk/channel-inbound";
