/** What a command of `openclaw matrix` has around it when no gateway runs. */
import type { CommandHost } from "../../../ts/cli/run.ts";
import type { ConfigFile } from "../../../ts/host/config-file.ts";
import type { OpenClawConfig } from "../../../ts/host/types.ts";
import { FakeAccount } from "./fake-account.ts";
import { FakeNative, LOGIN } from "./running.ts";

/** A host without a gateway, and its account. */
export function alone(account = new FakeAccount(), login: Record<string, unknown> = LOGIN): { host: CommandHost; account: FakeAccount; native: FakeNative } {
  const native = new FakeNative(() => account);
  const host: CommandHost = {
    cfg: { channels: { matrix: login } },
    native: () => native,
    stateRoot: "/nonexistent",
    call: async () => {
      throw Object.assign(new Error("gateway closed"), { name: "GatewayTransportError", kind: "closed", connectionDetails: {} });
    },
  };
  return { host, account, native };
}

/** A configuration file in memory. */
export function file(matrix: Record<string, unknown>, meanwhile?: (matrix: Record<string, unknown>) => void) {
  let cfg = { channels: { matrix } } as unknown as OpenClawConfig;
  const memory: ConfigFile & { now: () => unknown } = {
    read: async () => structuredClone(cfg),
    edit: async (edit) => {
      meanwhile?.((cfg.channels as { matrix: Record<string, unknown> }).matrix);
      cfg = edit(cfg);
      return "/home/openclaw.json";
    },
    now: () => cfg.channels?.matrix,
  };
  return memory;
}
