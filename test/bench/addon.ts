/** The account of this plugin in a bare Node process, from the packed packages. */
import { accountOptions } from "../support/account-options.ts";
import { measure, type Task } from "./measure.ts";

await measure(async (task: Task) => {
  const { loadNative } = await import("../../ts/native/load.ts");
  const native = loadNative(task.pluginDir);
  return {
    name: `openclaw-matrix-rs ${native.version}`,
    async start({ homeserver, userId, password, stateDir, roomIds }) {
      const account = await native.openAccount(accountOptions(homeserver, stateDir, { auth: { type: "password", userId, password } }));
      account.start();
      let health = await account.health();
      while (health.sync.state !== "running") {
        const next = await account.healthAfter(health.version);
        if (!next || next.sync.state === "blocked") throw new Error(`it does not sync: ${next?.sync.error?.message ?? "closed"}`);
        health = next;
      }
      return {
        rooms: async () => {
          const rooms = await Promise.all(roomIds.map((roomId) => account.roomInfo(roomId)));
          return rooms.filter(({ membership }) => membership === "join").length;
        },
        stop: () => account.close(),
      };
    },
  };
});
