/**
 * What the host gave us at registration. The host evaluates our modules several
 * times in one process, so the slot lives with the host, not in this module.
 */
import { createPluginRuntimeStore } from "openclaw/plugin-sdk/runtime-store";
import type { PluginRuntime } from "openclaw/plugin-sdk/channel-core";

interface Registration {
  runtime: PluginRuntime;
  /** The plugin's install folder; the addon is loaded from there, never from the copy that runs. */
  rootDir?: string;
}

const slot = createPluginRuntimeStore<Registration>({
  key: "openclaw-matrix-rs.registration",
  errorMessage: "The Matrix plugin was used before the host registered it; restart with `openclaw gateway restart`.",
});

export function setRegistration(registration: Registration): void {
  slot.setRuntime(registration);
}

export function hostRuntime(): PluginRuntime {
  return slot.getRuntime().runtime;
}

/** Install folder of the plugin. */
export function pluginRootDir(): string {
  const { rootDir } = slot.getRuntime();
  if (!rootDir) throw new Error("The host did not say where the Matrix plugin is installed; reinstall it with `openclaw plugins install openclaw-matrix-rs`.");
  return rootDir;
}
