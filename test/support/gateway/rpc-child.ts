/** Calls gateway methods as the host's own commands do; one JSON document a line in and out. See rpc.ts. */
import { createInterface } from "node:readline";
import { callGatewayFromCli } from "openclaw/plugin-sdk/gateway-runtime";

interface Call {
  id: number;
  method: string;
  params: Record<string, unknown>;
}

async function answer({ id, method, params }: Call): Promise<void> {
  const said = await callGatewayFromCli(method, { timeout: "60000" }, params, { progress: false }).then(
    (ok) => ({ id, ok }),
    (error: unknown) => ({ id, error: error instanceof Error ? error.message : String(error) }),
  );
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

for await (const line of createInterface({ input: process.stdin })) void answer(JSON.parse(line) as Call);
