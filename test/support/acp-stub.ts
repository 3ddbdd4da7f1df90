import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OpenClawHome } from "./gateway/home.ts";

/** What stands for an agent behind ACP: says which turn of which session it is, and every marker it was given. */
const ENTRY = `
import { registerAcpRuntimeBackend, tryDispatchAcpReplyHook } from "openclaw/plugin-sdk/acp-runtime-backend";

const turns = new Map();

const runtime = {
  async ensureSession({ sessionKey, agent }) {
    return { sessionKey, backend: "stub", runtimeSessionName: agent + ":" + sessionKey };
  },
  async *runTurn({ handle, text }) {
    const turn = (turns.get(handle.sessionKey) ?? 0) + 1;
    turns.set(handle.sessionKey, turn);
    const markers = [...text.matchAll(/MARK: ?([A-Za-z0-9_-]+)/g)].map((match) => match[1]);
    yield { type: "text_delta", stream: "output", text: "ACP turn " + turn + " heard " + markers.join(", ") + "." };
    yield { type: "done", status: "completed" };
  },
  getCapabilities: () => ({ controls: [] }),
  async getStatus() { return { summary: "stub" }; },
  async doctor() { return { ok: true, message: "stub" }; },
  async prepareFreshSession({ sessionKey }) { turns.delete(sessionKey); },
  async cancel() {},
  async close({ handle, discardPersistentState }) { if (discardPersistentState) turns.delete(handle.sessionKey); },
};

export default {
  id: "acpstub",
  name: "ACP stub",
  description: "An ACP backend for tests",
  configSchema: { type: "object", additionalProperties: false, properties: {} },
  register(api) {
    registerAcpRuntimeBackend({ id: "stub", runtime });
    // The host hands a bound conversation's messages to ACP only through its backend's own hook.
    api.on("reply_dispatch", (event, ctx) => tryDispatchAcpReplyHook(event, ctx));
  },
};
`;

/** Puts an ACP backend called \`stub\` into a home, with \`codex\` as the agent that may be spawned; the gateway's next start has it. */
export function addAcpStub(home: OpenClawHome): void {
  const dir = join(home.dir, "acpstub");
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "package.json"), JSON.stringify({ name: "acpstub", version: "1.0.0", type: "module", openclaw: { extensions: ["./index.js"] } }));
  writeFileSync(join(dir, "openclaw.plugin.json"), JSON.stringify({ id: "acpstub", name: "ACP stub", activation: { onStartup: true }, configSchema: { type: "object", additionalProperties: false, properties: {} } }));
  writeFileSync(join(dir, "index.js"), ENTRY);
  home.patch((config) => {
    const plugins = config.plugins as { load?: { paths?: string[] }; entries?: Record<string, unknown> };
    config.plugins = { ...plugins, load: { paths: [...(plugins.load?.paths ?? []), dir] }, entries: { ...config.plugins?.entries, acpstub: { enabled: true } } };
    config.acp = { enabled: true, backend: "stub", defaultAgent: "codex", allowedAgents: ["codex"] };
  });
}

export function removeAcpStub(home: OpenClawHome): void {
  home.patch((config) => {
    const plugins = config.plugins as { load?: { paths?: string[] }; entries?: Record<string, unknown> };
    delete plugins.load;
    delete plugins.entries?.acpstub;
    delete config.acp;
  });
}
