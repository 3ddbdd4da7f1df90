// npm run homeserver: the test homeserver in the foreground, for `MATRIX_TEST_HOMESERVER=… cargo test --test live` and for clients.
import { Synapse } from "../test/homeserver/synapse.ts";
import { atExit, main } from "./rig/main.mjs";
import { say, step } from "./rig/progress.mjs";

await main(async () => {
  const synapse = await step("Starting Synapse", () => Synapse.start());
  atExit(() => synapse.remove());
  const person = await synapse.register("alice");
  say(`\nHomeserver  ${synapse.baseUrl}  (server name ${synapse.serverName}, registration open)`);
  say(`A person    ${person.userId}  password ${person.password}`);
  say(`\nexport MATRIX_TEST_HOMESERVER=${synapse.baseUrl}\n\nCtrl-C stops it and deletes its data.`);
  await new Promise(() => {});
});
