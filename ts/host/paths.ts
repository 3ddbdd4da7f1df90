/** The host's state folder, for processes in which no runtime was injected. */
export { resolveStateDir } from "openclaw/plugin-sdk/state-paths";
