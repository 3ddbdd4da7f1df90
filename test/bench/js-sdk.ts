/**
 * matrix-js-sdk in a bare Node process, put together as OpenClaw's own plugin does: fake-indexeddb
 * as the global IndexedDB, the Rust crypto on it, `startClient` with its default filter and limit.
 * The plugin's copy of that database on disk, rewritten every minute, is left out.
 */
import type { ICreateClientOpts } from "matrix-js-sdk";
import { measure } from "./measure.ts";

/** It logs a lot; printing that is not what is measured. */
const silent: NonNullable<ICreateClientOpts["logger"]> = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  getChild: () => silent,
};

await measure(async () => {
  // @ts-expect-error It comes without types for this path.
  await import("fake-indexeddb/auto");
  const { ClientEvent, createClient, SyncState } = await import("matrix-js-sdk/lib/matrix.js");
  const { logger } = await import("matrix-js-sdk/lib/logger.js");
  (logger as unknown as { setLevel(level: "silent", persist: boolean): void }).setLevel("silent", false);
  const { version } = (await import("matrix-js-sdk/package.json", { with: { type: "json" } })).default;
  return {
    name: `matrix-js-sdk ${version}`,
    async start({ homeserver, userId, password, roomIds }) {
      const login = await createClient({ baseUrl: homeserver, logger: silent }).loginRequest({
        type: "m.login.password",
        identifier: { type: "m.id.user", user: userId },
        password,
        initial_device_display_name: "OpenClaw",
      });
      const client = createClient({ baseUrl: homeserver, userId, deviceId: login.device_id, accessToken: login.access_token, logger: silent });
      await client.initRustCrypto({ cryptoDatabasePrefix: "openclaw-matrix" });
      const prepared = new Promise<void>((resolve, reject) => {
        client.on(ClientEvent.Sync, (state, _previous, data) => {
          if (state === SyncState.Prepared) resolve();
          if (state === SyncState.Error) reject(data?.error ?? new Error("it does not sync"));
        });
      });
      await client.startClient({});
      await prepared;
      return {
        rooms: async () => roomIds.filter((roomId) => client.getRoom(roomId)?.getMyMembership() === "join").length,
        stop: async () => client.stopClient(),
      };
    },
  };
});
