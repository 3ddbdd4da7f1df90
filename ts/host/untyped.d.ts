/** The host exports this function without types. */
declare module "openclaw/plugin-sdk/channel-join-intro-runtime" {
  export const reportChannelRoomJoin: unknown;
}
