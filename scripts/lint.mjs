// npm run lint [-- --deny]: every check that runs nothing; --deny adds cargo-deny.
import { parseArgs } from "node:util";
import { main } from "./rig/main.mjs";
import { lint } from "./test/lint.mjs";

await main(async () => {
  const { values } = parseArgs({ options: { deny: { type: "boolean", default: false } } });
  const results = await lint({ deny: values.deny });
  return results.some((result) => result.status === "failed") ? 1 : 0;
});
