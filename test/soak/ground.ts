import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Homeserver } from "../homeserver/homeserver.ts";
import type { OpenClawHome } from "../support/gateway/home.ts";
import { ModelControl } from "../support/model/client.ts";
import type { RemoteRig } from "../support/remote-rig.ts";
import type { Rig } from "../support/rig.ts";

/** What can be struck, and what is looked at: the rig, of this process or of another one. */
export interface Ground {
  homeserver: Homeserver;
  home: OpenClawHome;
  model: ModelControl;
  gateway: {
    start(): Promise<void>;
    /** SIGTERM; false when it had to be killed after the grace. */
    stop(): Promise<boolean>;
    kill(): Promise<void>;
    freeze(): Promise<void>;
    thaw(): Promise<void>;
    log(): Promise<string>;
  };
  homeserverProcess: { stop(): Promise<void>; kill(): Promise<void>; resume(): Promise<void>; freeze(): Promise<void>; thaw(): Promise<void> };
}

export function localGround({ homeserver, home, model, gateway }: Rig): Ground {
  return {
    homeserver,
    home,
    model: new ModelControl(model.url),
    gateway: {
      start: () => gateway.start(),
      stop: () => gateway.stop(),
      kill: () => gateway.kill(),
      freeze: async () => gateway.freeze(),
      thaw: async () => gateway.thaw(),
      log: async () => gateway.log,
    },
    homeserverProcess: {
      stop: () => homeserver.stop(),
      kill: () => homeserver.kill(),
      resume: () => homeserver.resume(),
      freeze: async () => homeserver.freeze(),
      thaw: async () => homeserver.thaw(),
    },
  };
}

export function remoteGround(rig: RemoteRig): Ground {
  return { homeserver: rig.homeserver, home: rig.home, model: rig.model, gateway: rig.gateway, homeserverProcess: rig.homeserverProcess };
}

/** The host's window for unclean ends (docs/gateway/restart-recovery.md), in milliseconds. */
const BREAKER_WINDOW_MS = 5 * 60_000;

/**
 * Dates the ends of the gateway back behind the host's crash-loop window, as if they were hours apart: after
 * three within five minutes it would leave every channel stopped until an operator starts it. Only while
 * the gateway is down.
 */
export function spaceOutEnds(home: OpenClawHome): void {
  const file = join(home.stateDir, "state", "openclaw.sqlite");
  if (!existsSync(file)) return;
  const database = new DatabaseSync(file, { timeout: 5000 });
  try {
    database.prepare("UPDATE gateway_boot_lifecycle SET started_at_ms = started_at_ms - ? WHERE started_at_ms > ?").run(BREAKER_WINDOW_MS, Date.now() - BREAKER_WINDOW_MS);
  } finally {
    database.close();
  }
}
