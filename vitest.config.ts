import { defineConfig } from "vitest/config";

/** One gateway for all files: they take turns. A command of the host's takes ten seconds to load, a gateway half a minute to start. */
const WITH_A_GATEWAY = { fileParallelism: false, testTimeout: 240_000, hookTimeout: 240_000 };

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], environment: "node", testTimeout: 30_000, hookTimeout: 30_000 } },
      { test: { name: "contract", include: ["test/contract/**/*.test.ts"], environment: "node", testTimeout: 60_000, hookTimeout: 60_000 } },
      { test: { name: "e2e", include: ["test/e2e/*.test.ts"], environment: "node", ...WITH_A_GATEWAY } },
      // They stop their gateway or their homeserver, or edit what all accounts share: on a rig of their own, beside the others.
      { test: { name: "alone", include: ["test/e2e/alone/*.test.ts"], environment: "node", ...WITH_A_GATEWAY } },
      {
        test: {
          // The addon in a bare Node process, a homeserver and people; no gateway.
          name: "crypto",
          include: ["test/e2e/crypto/*.test.ts"],
          environment: "node",
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
