/** The plugin's entry: the channel and its gateway methods. Evaluated often; it loads nothing heavy and has no effect. */
import { registerMatrixCliMetadata } from "./cli-metadata.ts";
import { METHOD_SCOPES, type MethodName } from "./gateway/method-names.ts";
import { defineChannelPluginEntry } from "./host/entry.ts";
import { createLazyRuntimeModule } from "./host/lazy.ts";
import { setRegistration } from "./host/slot.ts";
import { matrixPlugin } from "./plugin.ts";

const loadFocus = createLazyRuntimeModule(() => import("./threads/focus.ts"));
const loadMethods = createLazyRuntimeModule(() => import("./gateway/methods.ts"));

export default defineChannelPluginEntry({
  id: "matrix",
  name: "Matrix",
  description: "Matrix channel: rooms, direct messages, threads, end-to-end encryption",
  plugin: matrixPlugin,
  registerCliMetadata: registerMatrixCliMetadata,
  registerFull: (api) => {
    setRegistration({ runtime: api.runtime, rootDir: api.rootDir });
    for (const [name, scope] of Object.entries(METHOD_SCOPES) as [MethodName, (typeof METHOD_SCOPES)[MethodName]][]) {
      api.registerGatewayMethod(name, async (request) => (await loadMethods()).serveMethod(name, request), { scope });
    }
  },
  // The host runs commands in an instance of the plugin that it makes for the agent: nothing of `registerFull` is there.
  registerCapabilities: (api) => {
    api.registerCommand({
      name: "focus",
      description: "Let a thread talk to a subagent's or an ACP session",
      channels: ["matrix"],
      acceptsArgs: true,
      handler: async (ctx) => ({ text: await (await loadFocus()).focus(ctx, api.runtime) }),
    });
    api.registerCommand({
      name: "unfocus",
      description: "End what /focus began",
      channels: ["matrix"],
      handler: async (ctx) => ({ text: await (await loadFocus()).unfocus(ctx) }),
    });
  },
});
