// A gateway client for the tests, with the home of its environment: takes `{ id, method, params, timeoutMs }`
// over IPC, as the host's own command line would send it, and gives `{ id, ok }` or `{ id, error }` back.
import { callGatewayFromCli } from "openclaw/plugin-sdk/gateway-runtime";

process.on("message", async (/** @type {{ id: number, method: string, params: object, timeoutMs: number }} */ { id, method, params, timeoutMs }) => {
  try {
    process.send?.({ id, ok: await callGatewayFromCli(method, { timeout: String(timeoutMs) }, params, { progress: false }) });
  } catch (error) {
    const { name, message, details } = /** @type {Error & { details?: unknown }} */ (error);
    process.send?.({ id, error: { name, message, details } });
  }
});
process.send?.({ ready: true });
