// The host's client side for the tests, with the home of its environment. Over IPC it takes
// `{ id, method, params, timeoutMs }`, as the host's own command line would send it, or `{ id, words, input }`, a
// command of `openclaw matrix`; it gives `{ id, ok }` or `{ id, error }` back.
import { callGatewayFromCli } from "openclaw/plugin-sdk/gateway-runtime";
import { runCommand } from "./command.mjs";

/** @typedef {{ id: number, method: string, params: object, timeoutMs: number }} MethodCall */
/** @typedef {{ id: number, words: string[], input: string }} CommandCall */

process.on("message", async (/** @type {MethodCall | CommandCall} */ asked) => {
  const { id } = asked;
  try {
    const ok =
      "words" in asked
        ? await runCommand(asked.words, asked.input)
        : await callGatewayFromCli(asked.method, { timeout: String(asked.timeoutMs) }, asked.params, { progress: false });
    process.send?.({ id, ok });
  } catch (error) {
    const { name, message, details } = /** @type {Error & { details?: unknown }} */ (error);
    process.send?.({ id, error: { name, message, details } });
  }
});
process.send?.({ ready: true });
